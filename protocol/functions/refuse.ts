/**
 * Which functions cannot travel, and what to do instead.
 *
 * @module
 */
import { types } from "node:util";
import { className } from "../values_kinds.ts";
import type { BindingKind } from "./bindings.ts";
import type { AnyFunction } from "./definition.ts";
import { FunctionError } from "./function_error.ts";
import { type FunctionText, isNative } from "./function_text.ts";

/** A function or class that is part of Deno, and written in JavaScript all the same. */
export class BuiltInError extends FunctionError {}

/** What error messages call a function. */
export function whoIs(name: string, text: string): string {
  const isClass = /^class\b/.test(text);
  if (name === "") return isClass ? "the anonymous class" : "the anonymous function";
  return `${isClass ? "class" : "function"} ${name}`;
}

/** Refuse what `submit` was given if it is no function that can be called in a task. */
export function refuseTask(fn: unknown, name: string, text: FunctionText | undefined): void {
  if (typeof fn !== "function") {
    throw new FunctionError(
      `the first argument must be a function, not ${describe(fn)}; ` +
        `write client.submit(fn, ...args) and not client.submit(fn(...args))`,
    );
  }
  if (text?.type === "class") {
    throw new FunctionError(
      `${name || "this"} is a class, and a task calls a function; ` +
        `submit a function that makes and uses the object`,
    );
  }
  if (text?.isGenerator) {
    throw new FunctionError(
      `${whoIs(name, text.text)} is a generator, and a task cannot return a live iterator; ` +
        `collect its items and return an array`,
    );
  }
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object") return `an object (${className(value)})`;
  return `the ${typeof value} ${JSON.stringify(String(value)).slice(0, 40)}`;
}

/** Refuse a function that has no text, or is not what it seems. */
export function refuseOpaque(fn: AnyFunction, name: string, text: string): void {
  if (types.isProxy(fn)) {
    throw new FunctionError(
      `${
        name || "this"
      } is a Proxy, and what its handler does cannot be seen; send what it stands for`,
    );
  }
  if (!isNative(text)) return;
  throw new FunctionError(
    name.startsWith("bound ")
      ? `${name} was made with bind and has no source to send; write an arrow function instead: ` +
        `(...args) => ${name.slice("bound ".length) || "it"}.call(thing, ...args)`
      : `${name || "this"} is a native function and has no source to send; ` +
        `wrap it in a function of your own, as in (...args) => ${name || "it"}(...args)`,
  );
}

/** Refuse code of Deno itself, by the URL of its script. */
export function refuseBuiltIn(url: string, name: string, who: string): void {
  if (!/^(?:ext|node):/.test(url)) return;
  throw new BuiltInError(
    `${who} is native, a part of Deno (${url}); call it in a function of your own, ` +
      `as in (...args) => ${name || "it"}(...args)`,
  );
}

/** Refuse what is not what it seems. */
export function refuseProxy(value: unknown, name: string, who: string): void {
  if (!types.isProxy(value)) return;
  throw new FunctionError(
    `${who} uses "${name}", a Proxy, and what its handler does cannot be seen; ` +
      `make it in the task, or send what it stands for`,
  );
}

/** Refuse a variable that V8 does not show: another one of the same name could be taken for it. */
export function refuseUnseen(name: string, kind: BindingKind, who: string): never {
  throw new FunctionError(
    kind === "function-name"
      ? `${who} uses "${name}", the name that a function expression around it has inside of ` +
        `itself, and which cannot be seen from outside; declare it: function ${name}(…) {…}`
      : `${who} uses "${name}", whose value cannot be seen; pass it as an argument`,
  );
}

/** Refuse what tells a CommonJS module where it lies. */
export function refusePlace(name: string, who: string): void {
  if (name !== "__dirname" && name !== "__filename") return;
  throw new FunctionError(
    `${who} uses ${name}, and on a worker there is nothing of that path; ` +
      `read the files here, and pass their content as an argument`,
  );
}

/** Refuse to change a variable of which nothing tells who else uses it. */
export function refuseUndeclared(name: string, who: string): never {
  throw new FunctionError(
    `${who} changes "${name}", whose declaration is not in its script, so that it cannot be told ` +
      `who shares it; keep it in an object that is made with const`,
  );
}

/** Refuse a class whose fields may have been called something else when it was made. */
export function refuseFieldName(name: string, who: string): never {
  throw new FunctionError(
    `${who} has a field whose name is computed of "${name}", which can change; make it with const`,
  );
}

/** Refuse what would not work on a worker, by what the function's text says. */
export function refuseText(text: FunctionText, who: string): void {
  if (text.type === "other") {
    throw new FunctionError(
      `${who} cannot be sent to a worker: its source is not that of a function`,
    );
  }
  if (text.isAccessor) {
    throw new FunctionError(`${who} is a getter or setter; wrap it in a plain function`);
  }
  if (text.importMeta) {
    throw new FunctionError(
      `${who} uses import.meta, which on a worker is not that of your module; ` +
        `pass import.meta.url or what you need of it as an argument`,
    );
  }
  if (text.thisOutside) {
    throw new FunctionError(
      `${who} uses "this" of the code around it, which does not travel; ` +
        `pass what it needs of "this" as arguments`,
    );
  }
  if (text.free.has("arguments")) {
    throw new FunctionError(
      `${who} is an arrow function that uses "arguments" of the function around it; ` +
        `pass what it needs of them as arguments`,
    );
  }
  if (text.superOutside) {
    throw new FunctionError(
      `${who} uses super, which means nothing outside of its class; write it as a plain function`,
    );
  }
}

/** What a task's key begins with. Names from computed properties can be of any length and content. */
export function prefixOf(name: string): string {
  if (name === "") return "lambda";
  return name.replaceAll(/[\s\p{C}]/gu, "_").slice(0, 100);
}
