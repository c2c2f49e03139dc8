/**
 * A user's function as code that a worker's thread can run: its source text, checked for everything
 * that would not work there, and the hash by which the cluster knows it.
 *
 * @module
 */
import type { Serialized } from "../../protocol/serialized.ts";
import { tokenize } from "../../protocol/tokenize.ts";
import { serialize } from "../../protocol/values.ts";
import { findFreeNames } from "./free_names.ts";
import { FreeNameError, FunctionError } from "./function_error.ts";
import { isSloppy, type ParsedFunction, parseFunction } from "./parse.ts";
import { standardGlobals } from "./standard_globals.ts";

/** A function that can travel. */
export interface FunctionCode {
  /** The same for the same code on every machine. */
  readonly hash: string;
  /** What keys of its tasks begin with: its name, or "lambda". */
  readonly prefix: string;
  /** Decodes to `{ source, name, kind }`. */
  readonly code: Serialized;
}

/** Any function; what `submit` and `map` take before they look at it. */
export type AnyFunction = (...args: never[]) => unknown;

/** Functions are made anew wherever an inline arrow function runs; their text is not. */
const maxTexts = 1000;

const byFunction = new WeakMap<AnyFunction, FunctionCode>();
const byText = new Map<string, FunctionCode>();

/**
 * The code of a function.
 *
 * @param fn The function given to `submit` or `map`.
 * @returns Its code; the same object for the same function.
 * @throws {FunctionError} When it cannot run on a worker: a native function, a class, a generator, …
 * @throws {FreeNameError} When it uses names of its module.
 */
export function functionCode(fn: AnyFunction): FunctionCode {
  const known = byFunction.get(fn);
  if (known !== undefined) return known;
  if (typeof fn !== "function") {
    throw new FunctionError(
      `the first argument must be a function, not ${describe(fn)}; ` +
        `write client.submit(fn, ...args) and not client.submit(fn(...args))`,
    );
  }
  const text = Function.prototype.toString.call(fn);
  const name = String(fn.name);
  const identity = `${name}\n${text}`;
  let code = byText.get(identity);
  if (code === undefined) {
    code = encode(text, name);
    if (byText.size >= maxTexts) byText.clear();
    byText.set(identity, code);
  }
  byFunction.set(fn, code);
  return code;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object") return `an object (${value.constructor?.name ?? "no prototype"})`;
  return `the ${typeof value} ${JSON.stringify(String(value)).slice(0, 40)}`;
}

function encode(text: string, name: string): FunctionCode {
  const who = name === "" ? "the anonymous function" : `function ${name}`;
  if (/\{\s*\[native code\]\s*\}\s*$/.test(text)) {
    throw new FunctionError(
      name.startsWith("bound ")
        ? `${name} was made with bind and has no source to send; ` +
          `pass what it is bound to as an argument of a function of your own`
        : `${name || "this"} is a native function and has no source to send; ` +
          `wrap it in a function of your own, as in (...args) => ${name || "it"}(...args)`,
    );
  }
  const { source, kind } = read(text, name, who);
  const code = serialize({ source, name, kind });
  return { hash: tokenize(source, kind, name), prefix: prefixOf(name), code };
}

/** The source to send, when there is nothing against it. */
function read(text: string, name: string, who: string): { source: string; kind: string } {
  try {
    const parsed = parseFunction(text);
    if (parsed === undefined) {
      throw new FunctionError(`${who} cannot be sent to a worker: ${unreadable(text)}`);
    }
    return { source: check(parsed, text, name, who), kind: parsed.kind };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new FunctionError(`${who} is nested too deeply to be read; take it apart`);
  }
}

/** Why the text of a function is not one on its own, and what to do about it. */
function unreadable(text: string): string {
  if (isSloppy(text)) {
    return "it is written in sloppy mode and breaks the rules of strict mode, in which tasks run";
  }
  if (/#[\p{ID_Start}$_]/u.test(text)) {
    return "it uses private names of its class; pass what they hold as arguments";
  }
  if (/\bsuper\b|\bnew\s*\.\s*target\b/.test(text)) {
    return "it uses super or new.target of the function around it; pass what it needs as arguments";
  }
  return "its source cannot be read as a function on its own; write it as a plain function";
}

/** Refuse what would not work on a worker; give the source to send. */
function check(parsed: ParsedFunction, text: string, name: string, who: string): string {
  const { node, method } = parsed;
  if (node.type === "ClassExpression") {
    throw new FunctionError(
      `${name || "this"} is a class, and a task calls a function; ` +
        `submit a function that makes and uses the object`,
    );
  }
  if (node.type !== "FunctionExpression" && node.type !== "ArrowFunctionExpression") {
    throw new FunctionError(
      `${who} cannot be sent to a worker: its source is not that of a function`,
    );
  }
  if (node.generator) {
    throw new FunctionError(
      `${who} is a generator, and a task cannot return a live iterator; ` +
        `collect its items and return an array`,
    );
  }
  if (method?.isAccessor) {
    throw new FunctionError(`${who} is a getter or setter; wrap it in a plain function`);
  }
  const free = findFreeNames(node);
  if (free.importMeta) {
    throw new FunctionError(
      `${who} uses import.meta, which on a worker is not that of your module; ` +
        `pass import.meta.url or what you need of it as an argument`,
    );
  }
  if (free.thisOutside) {
    throw new FunctionError(
      `${who} is an arrow function that uses "this" of the code around it, which does not travel; ` +
        `pass what it needs of "this" as arguments`,
    );
  }
  if (free.superOutside) {
    throw new FunctionError(
      `${who} uses super, which means nothing outside of its class; write it as a plain function`,
    );
  }
  if (free.localImports.length > 0) {
    throw new FunctionError(
      `${who} imports "${free.localImports[0]}", which only your module can find; ` +
        `import an npm:, node:, https: or file: URL, or pass the function's needs as arguments`,
    );
  }
  const names = [...free.names].filter((free) => !standardGlobals.has(free));
  if (names.length > 0) throw new FreeNameError(name, names);
  if (method === undefined || method.name === name) return text;
  // A computed key belongs to the method's surroundings: its value, which is the name, goes instead.
  const rest = text.slice(method.parameters);
  return `${node.async ? "async " : ""}${JSON.stringify(name)}${rest}`;
}

/** What a task's key begins with. Names from computed properties can be of any length and content. */
function prefixOf(name: string): string {
  if (name === "") return "lambda";
  return name.replaceAll(/[\s\p{C}]/gu, "_").slice(0, 100);
}
