/**
 * What kind of value something is: which objects are data, and what to call the others.
 *
 * @module
 */
import type { AnyFunction } from "./functions/definition.ts";
import { ERROR_CLASSES, VIEW_NAMES } from "./values_format.ts";

/** Objects with inner state of their own that travel, besides arrays and plain objects. */
export type BuiltinKind =
  | "Map"
  | "Set"
  | "Date"
  | "RegExp"
  | "Error"
  | "DOMException"
  | "ArrayBuffer"
  | "View"
  | "Boxed";

const objectPrototype = Object.prototype;
const toString = objectPrototype.toString;
const isError = (Error as unknown as { isError?: (value: unknown) => boolean }).isError ??
  ((value: unknown) => toString.call(value) === "[object Error]");

/** What objects say that they are, and what throws if they are not: a class may say anything. */
const kindsByTag = new Map<string, [kind: BuiltinKind, check: (this: unknown) => unknown]>([
  ["Number", ["Boxed", Number.prototype.valueOf]],
  ["String", ["Boxed", String.prototype.valueOf]],
  ["Boolean", ["Boxed", Boolean.prototype.valueOf]],
  ["BigInt", ["Boxed", BigInt.prototype.valueOf]],
  ["Map", ["Map", getterOf(Map.prototype, "size")]],
  ["Set", ["Set", getterOf(Set.prototype, "size")]],
  ["Date", ["Date", Date.prototype.getTime]],
  ["RegExp", ["RegExp", getterOf(RegExp.prototype, "source")]],
  ["ArrayBuffer", ["ArrayBuffer", getterOf(ArrayBuffer.prototype, "byteLength")]],
]);

function getterOf(prototype: object, name: string): (this: unknown) => unknown {
  return Object.getOwnPropertyDescriptor(prototype, name)!.get!;
}

function is(object: object, check: (this: unknown) => unknown): boolean {
  try {
    check.call(object);
    return true;
  } catch {
    return false; // Its `Symbol.toStringTag` is its own.
  }
}

/** Whether `prototype` is that of plain objects, of this realm or another. */
export function isPlainPrototype(prototype: object | null): boolean {
  if (prototype === objectPrototype || prototype === null) return true;
  return Object.getPrototypeOf(prototype) === null &&
    Object.hasOwn(prototype, "isPrototypeOf") &&
    Object.hasOwn(prototype, "hasOwnProperty");
}

/** Which built-in kind an object is that is neither array nor plain; undefined for all others. */
export function builtinKind(object: object): BuiltinKind | undefined {
  if (ArrayBuffer.isView(object)) return "View";
  if (object instanceof ArrayBuffer) return "ArrayBuffer";
  if (object instanceof Map) return "Map";
  if (object instanceof Set) return "Set";
  if (object instanceof Date) return "Date";
  if (typeof DOMException === "function" && object instanceof DOMException) return "DOMException";
  if (object instanceof Error || isError(object)) return "Error";
  if (object instanceof RegExp) return "RegExp";
  // Boxed primitives, and objects of another realm, which `instanceof` does not know.
  const known = kindsByTag.get(toString.call(object).slice(8, -1));
  return known !== undefined && is(object, known[1]) ? known[0] : undefined;
}

/** Prototypes of this realm's built-ins. */
const builtinPrototypes = new Set<object | undefined>([
  ...[Array, Map, Set, Date, RegExp, ArrayBuffer, Number, String, Boolean, BigInt],
  ...ERROR_CLASSES,
  ...[...VIEW_NAMES, "DOMException", "QuotaExceededError"].map((name) =>
    (globalThis as unknown as Record<string, { prototype: object } | undefined>)[name]
  ),
].map((cls) => cls?.prototype));

/** Whether objects with this prototype are built-ins as they are, not of a class of the user's. */
export function isBuiltinPrototype(prototype: object): boolean {
  // The prototype of arrays is an array itself, in every realm.
  return builtinPrototypes.has(prototype) || Array.isArray(prototype) || isNodeBuffer(prototype);
}

/** Whether this is the prototype of Node's `Buffer`, whose class is only loaded where there is one. */
export function isNodeBuffer(prototype: object): boolean {
  return prototype instanceof Uint8Array &&
    (globalThis as { Buffer?: AnyFunction }).Buffer?.prototype === prototype;
}

/**
 * The class whose instances have this prototype; undefined where there is none that could be named, as
 * with `Object.create(something)`, or where it is a built-in of another realm.
 *
 * @param prototype The prototype.
 * @param object An object that has it, and may know its class where the prototype does not.
 */
export function classOf(prototype: object, object?: object): AnyFunction | undefined {
  const cls = makerIn(prototype, prototype) ?? (object && makerIn(object, prototype));
  if (cls === undefined) return undefined;
  return Function.prototype.toString.call(cls).endsWith("{ [native code] }") ? undefined : cls;
}

/** The function that makes objects with a prototype, if a holder names it as its constructor. */
function makerIn(holder: object, prototype: object): AnyFunction | undefined {
  const cls = Object.getOwnPropertyDescriptor(holder, "constructor")?.value;
  return typeof cls === "function" && cls.prototype === prototype ? cls : undefined;
}

/** Name of a function or class, whatever its own property `name` may be. */
export function functionName(fn: AnyFunction): string {
  const name = Object.getOwnPropertyDescriptor(fn, "name")?.value;
  return typeof name === "string" ? name : "";
}

/** The class of an object; a property of its own that happens to be called `constructor` is not it. */
function constructorOf(object: object): unknown {
  return Object.getPrototypeOf(object)?.constructor;
}

/** Name of the class an object is of; "Object" when that cannot be told. Never throws. */
export function className(object: object): string {
  try {
    const constructor = constructorOf(object);
    if (typeof constructor === "function" && typeof constructor.name === "string") {
      return constructor.name || "(anonymous)";
    }
  } catch {
    // A getter of the user's, or a revoked proxy: the name is only for show.
  }
  return "Object";
}

/**
 * Say in one word what a value is, as users see it in results' descriptions.
 *
 * @param value Any value.
 * @returns "number", "null", "object" for plain objects, otherwise the class: "Float64Array", "Map", …
 *
 * @example
 * ```ts
 * typeName([1, 2]); // "Array"
 * typeName(new Float64Array(3)); // "Float64Array"
 * typeName({}); // "object"
 * ```
 */
export function typeName(value: unknown): string {
  if (value === null) return "null";
  if (typeof value !== "object") return typeof value;
  if (Array.isArray(value)) return "Array";
  try {
    if (isPlainPrototype(Object.getPrototypeOf(value))) return "object";
  } catch {
    return "object";
  }
  return className(value);
}

/** The standard error class that an error's class is or extends: its number in `ERROR_CLASSES`, and its name. */
export function errorBase(error: object): [number: number, name: string] {
  let prototype: unknown = error;
  // Bounded, because a proxy may pretend to have an endless chain.
  for (let i = 0; i < 1000 && prototype !== null; i++) {
    prototype = Object.getPrototypeOf(prototype);
    for (let j = 0; j < ERROR_CLASSES.length; j++) {
      if (ERROR_CLASSES[j].prototype === prototype) return [j, ERROR_CLASSES[j].name];
    }
  }
  return [0, "Error"];
}

const denoErrors: Record<string, unknown> = (globalThis as { Deno?: { errors?: object } }).Deno
  ?.errors as Record<string, unknown> ?? {};
const DENO_PREFIX = "Deno.errors.";

/** Name under which an error's class is found again; Deno's own are told from users' of the same name. */
export function errorClassName(error: object): string {
  const name = className(error);
  return Object.hasOwn(denoErrors, name) && constructorOf(error) === denoErrors[name]
    ? DENO_PREFIX + name
    : name;
}

/** The class of Deno's own errors with a name of {@linkcode errorClassName}, if it is one. */
export function denoErrorClass(name: string): ErrorConstructor | undefined {
  if (!name.startsWith(DENO_PREFIX)) return undefined;
  const short = name.slice(DENO_PREFIX.length);
  return Object.hasOwn(denoErrors, short) ? denoErrors[short] as ErrorConstructor : undefined;
}

/** Name of an error's class without the prefix of {@linkcode errorClassName}. */
export function shortErrorName(name: string): string {
  return name.startsWith(DENO_PREFIX) ? name.slice(DENO_PREFIX.length) : name;
}

const viewTag = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!;

/** What a view is, whatever class extends it: "Uint8Array" for Node's `Buffer`. */
export function viewName(view: ArrayBufferView): string {
  return viewTag.call(view) ?? "DataView";
}

/** The primitive in a boxed primitive. */
export function unbox(object: object): unknown {
  const valueOfs: ((this: unknown) => unknown)[] = [
    Number.prototype.valueOf,
    String.prototype.valueOf,
    Boolean.prototype.valueOf,
    BigInt.prototype.valueOf,
  ];
  for (const valueOf of valueOfs) {
    try {
      return valueOf.call(object);
    } catch {
      // Not of this type: the next.
    }
  }
  throw new TypeError(`it is no ${toString.call(object).slice(8, -1)}, though it says so`);
}

/** A property that may have a getter that throws; then undefined. */
export function readSafely(object: object, property: string): unknown {
  try {
    return (object as Record<string, unknown>)[property];
  } catch {
    return undefined;
  }
}

/** A value as a short text, whatever it is. */
export function describe(value: unknown): string {
  try {
    return String(value);
  } catch {
    return typeof value === "object" && value !== null ? className(value) : typeof value;
  }
}
