/**
 * Why something cannot travel, and what to do instead.
 *
 * @module
 */
import { className } from "./values_kinds.ts";

/** Thrown inside the writer of values, which adds the path. */
export class Refusal extends Error {}

const toString = Object.prototype.toString;

const IN_TASK = "open it in the task that uses it";
const SIGNAL = "to stop a task, cancel its future";

/** Live things of the platform, by what `Object.prototype.toString` says, and what to do instead. */
const LIVE = new Map([
  ["ReadableStream", "collect what it gives: await Array.fromAsync(stream)"],
  ["WritableStream", IN_TASK],
  ["TransformStream", "make it in the task that uses it"],
  ["Request", "send its url, method, headers and body: await request.bytes()"],
  ["Response", "send what was received: await response.bytes(), or await response.json()"],
  ["FormData", "send an array of its entries: [...form]"],
  ["AbortSignal", SIGNAL],
  ["AbortController", SIGNAL],
  ["MessagePort", "return what would be posted"],
  ["MessageChannel", "return what would be posted"],
  ["BroadcastChannel", IN_TASK],
  ["WebSocket", `send its url, and ${IN_TASK}`],
  ["EventSource", `send its url, and ${IN_TASK}`],
  ["Worker", "start it in the task that uses it"],
  ["CryptoKey", "send the exported key: await crypto.subtle.exportKey(format, key)"],
  ["FinalizationRegistry", "make it in the task that uses it"],
  ["WebAssembly.Module", "send its bytes, and compile them in the task"],
  ["WebAssembly.Instance", "send the bytes of its module, and instantiate them in the task"],
  ["WebAssembly.Memory", "send a copy of its bytes: new Uint8Array(memory.buffer).slice()"],
]);

/** Handles of the system, by the name of their class: most of these classes cannot be had from Deno. */
const HANDLES: readonly [name: RegExp, what: string, remedy: string][] = [
  [/^(?:Fs)?File(?:Handle)?$/, "an open file", `send its path, and ${IN_TASK}`],
  [/Conn$|^(?:TLS)?Socket$/, "an open connection", `send the address, and ${IN_TASK}`],
  [/Listener$|Server$/, "a listening socket", IN_TASK],
  [/^(?:Child)?Process$/, "a running process", "start it in the task that uses it"],
];

/**
 * Why a live thing of the platform cannot travel, with its class or without; undefined for data and
 * for instances of other classes.
 *
 * @param value An object.
 */
export function liveRefusal(value: object): string | undefined {
  if (value instanceof Promise) return "a Promise does not travel; await it and send its value";
  if (typeof SharedArrayBuffer === "function" && value instanceof SharedArrayBuffer) {
    return "a SharedArrayBuffer does not travel, other machines do not share memory; send a copy in an ArrayBuffer";
  }
  if (value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef) {
    const name = value instanceof WeakMap ? "Map" : value instanceof WeakSet ? "Set" : "Ref";
    return `a Weak${name} does not travel, what it holds cannot be listed; send a ${
      name === "Ref" ? "plain value" : name
    } instead`;
  }
  const tag = toString.call(value).slice(8, -1);
  switch (tag) {
    case "Symbol":
      return "boxed symbols do not travel; send a string instead";
    case "Generator":
      return "a generator does not travel, it has stopped half-way through a function; collect what it yields: [...generator]";
    case "AsyncGenerator":
      return "an async generator does not travel, it has stopped half-way through a function; collect what it yields: await Array.fromAsync(generator)";
  }
  if (tag.endsWith(" Iterator") || tag === "Iterator Helper") {
    return `a live ${tag} does not travel; collect what it yields: [...iterator]`;
  }
  const remedy = LIVE.get(tag);
  if (remedy !== undefined) {
    return `${/^[AE]/.test(tag) ? "an" : "a"} ${tag} does not travel; ${remedy}`;
  }
  if (value instanceof Deno.FsFile || value instanceof Deno.ChildProcess) {
    return handleRefusal(className(value));
  }
  return undefined;
}

/**
 * Why instances of a class of Deno's own that stands for something of the system do not travel.
 *
 * @param name Name of the class, such as "TcpConn"; undefined for names of no such class.
 */
export function handleRefusal(name: string): string | undefined {
  const handle = HANDLES.find(([pattern]) => pattern.test(name));
  return handle &&
    `${handle[1]} (${name}) does not travel, it belongs to this process; ${handle[2]}`;
}

/**
 * Why something that a package keeps inside of its objects cannot travel: what is to be done about it is
 * not for the package's users to do.
 *
 * @param reason What it is, and what to do about one's own.
 * @param name The package.
 */
export function refusalInPackage(reason: string, name: string): string {
  // Modules that cannot be had as parts need what that says, wherever they are imported.
  if (reason.startsWith("cannot send the module")) return reason;
  const [what] = reason.split("; ", 1);
  return `${what}; it is inside of an object of ${name}: make that object in the task, or in a module ` +
    `that the function imports, or send plain data`;
}

/** Why a value that is not data cannot travel where there is nothing that knows about code. */
export function refusal(value: unknown): string {
  if (typeof value === "function") {
    const name = value.name === "" ? "functions" : `functions (${value.name})`;
    return `${name} do not travel inside values; submit the function itself, or call it and send what it returns`;
  }
  const object = value as object;
  return liveRefusal(object) ??
    `instances of class ${className(object)} do not travel; send plain data instead`;
}
