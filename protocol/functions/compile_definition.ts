/**
 * Makes live functions and classes of their text: each is compiled in a scope of its own that declares
 * the variables it closes over, in strict mode.
 *
 * @module
 */
import { LinkError } from "../task_failures.ts";
import type { AnyFunction, Defined, Definition } from "./definition.ts";

/** What `import(…)` in a function's text calls. */
export type ImportFunction = (specifier: unknown, options?: ImportCallOptions) => Promise<unknown>;

/**
 * What the text calls with each function that it makes, where it is one that launches tasks.
 *
 * @param fn The function.
 * @param variables Gives the values of the variables around it that it uses, by name.
 * @param name What it is called, if it has no name of its own.
 * @param shared A variable that it shares with another function which changes it: it cannot travel.
 * @returns The function.
 */
export type MadeFunction = (
  fn: AnyFunction,
  variables: () => Record<string, unknown>,
  name?: string,
  shared?: string,
) => AnyFunction;

/** Makes one live function or class; each call makes another, with variables of its own. */
export type Factory = (
  early: readonly unknown[],
  importModule: ImportFunction,
  made: MadeFunction,
) => Defined;

/** The name that stands for `import` in texts. */
const IMPORT = "\u00ecmport";
/** The name of a {@linkcode MadeFunction} in texts. */
const MADE = "m\u00e0de";
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$\u200c\u200d]*$/u;

// An alias makes the eval indirect: code sees the globals only. The others are kept from tasks that
// replace globals.
const evaluate = eval;
const { ownKeys } = Reflect;
const { defineProperty, getOwnPropertyDescriptor } = Object;

/**
 * Compile a definition.
 *
 * @param definition What came.
 * @param url The URL of its frames in stacks.
 * @throws {LinkError} When it has variables that are no names.
 * @throws {SyntaxError} When its text does not parse.
 */
export function compileDefinition(definition: Definition, url: string): Factory {
  const { source, kind, name, variables, early } = definition;
  for (const variable of variables) {
    if (!IDENTIFIER.test(variable)) {
      throw new LinkError(
        `Function '${name}' closes over ${JSON.stringify(variable)}, which is no name`,
      );
    }
  }
  // Names of the scope's own must not hide what the text refers to.
  let mark = "\u00aa";
  while (source.includes(mark) || variables.some((variable) => variable.includes(mark))) {
    mark += "\u00aa";
  }
  const declared = variables.map((variable, i) =>
    i < early ? `${variable}=${mark}[${i}]` : variable
  );
  const setters = variables.map((variable) => `${mark}=>${variable}=${mark}`);
  const open = kind === "method" ? "{" : "(";
  const close = kind === "method" ? "}" : ")";
  const make = evaluate(
    `"use strict";(function(${mark},${IMPORT},${MADE}){` +
      (declared.length > 0 ? `let ${declared.join(",")};` : "") +
      `return[[${setters.join(",")}],${open}\n${source}\n${close},()=>[${
        variables.join(",")
      }]]})\n//# sourceURL=${url}`,
  ) as (
    early: readonly unknown[],
    importModule: ImportFunction,
    made: MadeFunction,
  ) => [Setter[], unknown, () => unknown[]];
  return (early, importModule, made) => {
    const [set, result, read] = make(early, importModule, made);
    const value = kind === "method" ? methodOf(result as object) : result;
    if (typeof value !== "function") {
      throw new LinkError(
        `The code of function '${name}' (${kind}) gives ${
          value === null ? "null" : typeof value
        }, not a function`,
      );
    }
    setName(value, name);
    return {
      value,
      known: false,
      read,
      bind(variable, value) {
        const index = variables.indexOf(variable);
        if (index < 0) throw new LinkError(`Function '${name}' has no variable '${variable}'`);
        set[index](value);
      },
    };
  };
}

type Setter = (value: unknown) => void;

/** The method of an object literal that has just one. */
function methodOf(holder: object): unknown {
  return getOwnPropertyDescriptor(holder, ownKeys(holder)[0])?.value;
}

/** Arrow functions have their names from where they were assigned. */
export function setName(fn: AnyFunction, name: string): void {
  const own = getOwnPropertyDescriptor(fn, "name");
  if (own === undefined ? name === "" : typeof own.value !== "string" || own.value === name) return;
  defineProperty(fn, "name", { value: name, configurable: true });
}
