/**
 * What a thread is made of: the parts of the language that its machinery uses, as they were before the
 * first task. A task may delete or replace any of them, for all that runs in the thread. They are put
 * back when something fails for it, so that no task pays for looking.
 *
 * @module
 */

// Kept from tasks that replace them.
const { defineProperty, getOwnPropertyDescriptor, ownKeys } = Reflect;
const { is } = Object;

/** Globals that are kept, each with its own properties and those of its prototype. */
const LANGUAGE = [
  ...["Object", "Function", "Array", "Map", "Set", "WeakMap", "WeakSet", "WeakRef", "Promise"],
  ...["Symbol", "String", "Number", "Boolean", "BigInt", "Math", "JSON", "Reflect", "Atomics"],
  ...["Proxy", "Date", "RegExp", "ArrayBuffer", "SharedArrayBuffer", "DataView", "Int8Array"],
  ...["Uint8Array", "Uint8ClampedArray", "Int16Array", "Uint16Array", "Int32Array", "Uint32Array"],
  ...["Float16Array", "Float32Array", "Float64Array", "BigInt64Array", "BigUint64Array", "Error"],
  ...["AggregateError", "EvalError", "RangeError", "ReferenceError", "SyntaxError", "TypeError"],
  ...["URIError", "Iterator", "TextEncoder", "TextDecoder", "DOMException", "AbortController"],
  ...["AbortSignal", "Performance"],
];

/** Globals that are kept by themselves. */
const PLATFORM = [
  ...["setTimeout", "clearTimeout", "setInterval", "clearInterval", "setImmediate", "performance"],
  ...["queueMicrotask", "structuredClone", "crypto", "console", "process", "Deno", "URL", "Blob"],
];

/** Properties of functions that nothing uses. */
const UNUSED: readonly PropertyKey[] = ["name", "length", "prototype", "arguments", "caller"];

/** A property as it was. */
interface Kept {
  readonly owner: object;
  readonly key: PropertyKey;
  /** How messages call it. */
  readonly path: string;
  /** Without a prototype: what tasks put on that of objects does not matter. */
  readonly descriptor: PropertyDescriptor;
}

/** Which properties to put back: all that are others now, or those that cannot be used any more. */
export type Damage = "changed" | "unusable";

/** The intrinsics of this thread. */
export class Intrinsics {
  readonly #kept: Kept[] = [];

  /** Keeps all as it is now. */
  constructor() {
    const globals = globalThis as unknown as Record<string, unknown>;
    for (const name of [...LANGUAGE, ...PLATFORM]) this.#keep(globalThis, name, "globalThis");
    for (const name of LANGUAGE) {
      const object = globals[name] as { prototype?: object } | undefined;
      if (object === undefined) continue; // Newer than this runtime.
      this.#keepAll(object, name);
      if (object.prototype !== undefined) this.#keepAll(object.prototype, `${name}.prototype`);
    }
    const typedArray = Object.getPrototypeOf(Uint8Array);
    this.#keepAll(typedArray, "TypedArray");
    this.#keepAll(typedArray.prototype, "TypedArray.prototype");
    const iterators = { Array: [].values(), Map: new Map().values(), Set: new Set().values() };
    for (const [name, iterator] of Object.entries(iterators)) {
      this.#keepAll(Object.getPrototypeOf(iterator), `${name} iterator`);
    }
  }

  #keepAll(owner: object, path: string): void {
    for (const key of ownKeys(owner)) {
      if (typeof owner !== "function" || !UNUSED.includes(key)) this.#keep(owner, key, path);
    }
  }

  #keep(owner: object, key: PropertyKey, path: string): void {
    const descriptor = getOwnPropertyDescriptor(owner, key);
    // One that cannot be changed needs no keeping.
    if (descriptor === undefined || !descriptor.configurable && !descriptor.writable) return;
    const name = typeof key === "symbol" ? `[${String(key.description)}]` : `.${String(key)}`;
    const bare = { __proto__: null, ...descriptor } as PropertyDescriptor;
    this.#kept.push({ owner, key, path: path + name, descriptor: bare });
  }

  /**
   * Puts properties back.
   *
   * @param damage Which.
   * @returns What was put back, such as "globalThis.Map, Array.prototype.push"; "" when nothing was.
   */
  restore(damage: Damage): string {
    const kept = this.#kept;
    let paths = "";
    // Nothing in here may itself depend on what tasks can damage.
    for (let i = 0; i < kept.length; i++) {
      const { owner, key, path, descriptor } = kept[i];
      if (!isDamaged(getOwnPropertyDescriptor(owner, key), descriptor, damage)) continue;
      if (defineProperty(owner, key, descriptor)) paths += paths === "" ? path : `, ${path}`;
    }
    return paths;
  }
}

function isDamaged(
  now: PropertyDescriptor | undefined,
  kept: PropertyDescriptor,
  damage: Damage,
): boolean {
  if (now === undefined) return true;
  const same = kept.get === undefined && kept.set === undefined
    ? is(now.value, kept.value)
    : now.get === kept.get && now.set === kept.set;
  if (same || damage === "changed") return !same;
  return typeof (now.get ?? now.value) !== typeof (kept.get ?? kept.value);
}
