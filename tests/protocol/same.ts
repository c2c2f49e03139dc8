/**
 * Whether a decoded value is the same as what was encoded, down to the bit.
 *
 * @module
 */
import assert from "node:assert/strict";
import { blobBytes } from "../../protocol/blob_bytes.ts";

const ERROR_FIELDS = ["name", "message", "stack", "cause", "errors"];
/** What every object of some kind has. */
const INHERENT = [...ERROR_FIELDS, "length", "lastIndex"];

/** What is compared of a function that is not the same one. */
export type Inside = (fn: object) => unknown;

/**
 * Check that two values are the same: kinds, bits of numbers, order of keys, holes, prototypes, and which
 * objects are one and the same.
 *
 * @param actual What came back.
 * @param expected What was sent.
 * @param inside Gives what a function is made of; without it, functions have to be the same ones.
 */
export function assertSame(actual: unknown, expected: unknown, inside?: Inside): void {
  new Comparison(inside).compare(actual, expected, "value");
}

class Comparison {
  private readonly counterparts = new Map<object, object>();
  private readonly taken = new Map<object, object>();

  constructor(private readonly inside: Inside | undefined) {}

  /** Pair two objects; true if they have been before. An object with two counterparts is an error. */
  private paired(actual: object, expected: object, path: string): boolean {
    const counterpart = this.counterparts.get(expected);
    const taker = this.taken.get(actual);
    if (counterpart === undefined && taker === undefined) {
      this.counterparts.set(expected, actual);
      this.taken.set(actual, expected);
      return false;
    }
    assert.ok(counterpart === actual && taker === expected, `${path}: not shared as it was`);
    return true;
  }

  compare(actual: unknown, expected: unknown, path: string): void {
    if (typeof expected === "function" && actual !== expected && this.inside !== undefined) {
      assert.equal(typeof actual, "function", path);
      if (this.paired(actual as object, expected, path)) return;
      this.compare(this.inside(actual as object), this.inside(expected), `${path}()`);
      return;
    }
    if (typeof expected !== "object" || expected === null) {
      assert.ok(Object.is(actual, expected), `${path}: ${String(actual)} is ${String(expected)}`);
      return;
    }
    assert.ok(typeof actual === "object" && actual !== null, `${path}: is no object`);
    if (this.paired(actual, expected, path)) return;
    this.classes(actual, expected, path);
    if (ArrayBuffer.isView(expected)) {
      const view = actual as ArrayBufferView;
      assert.equal(view.byteLength, expected.byteLength, path);
      this.paired(view.buffer, expected.buffer, `${path}.buffer`);
      assert.deepEqual(bytes(view), bytes(expected), path);
      return;
    }
    if (expected instanceof ArrayBuffer) {
      assert.equal((actual as ArrayBuffer).resizable, expected.resizable, path);
      assert.equal((actual as ArrayBuffer).maxByteLength, expected.maxByteLength, path);
      assert.deepEqual(new Uint8Array(actual as ArrayBuffer), new Uint8Array(expected), path);
      return;
    }
    if (expected instanceof Map) {
      this.list([...(actual as Map<unknown, unknown>)].flat(), [...expected].flat(), path);
    } else if (expected instanceof Set) {
      this.list([...(actual as Set<unknown>)], [...expected], path);
    } else if (expected instanceof Error) {
      for (const field of ERROR_FIELDS) {
        assert.equal(Object.hasOwn(actual, field), Object.hasOwn(expected, field), path + field);
        this.compare(get(actual, field), get(expected, field), `${path}.${field}`);
      }
    } else if (expected instanceof Date) {
      assert.ok(Object.is((actual as Date).getTime(), expected.getTime()), path);
    } else if (expected instanceof RegExp) {
      assert.equal(String(actual), String(expected), path);
    } else if (expected instanceof URL) {
      assert.equal((actual as URL).href, expected.href, path);
    } else if (expected instanceof Headers || expected instanceof URLSearchParams) {
      assert.deepEqual([...(actual as Headers)], [...expected], path);
    } else if (expected instanceof Blob) {
      assert.equal((actual as Blob).type, expected.type, path);
      assert.deepEqual(bytes(blobBytes(actual as Blob)!), bytes(blobBytes(expected)!), path);
    } else if (Object.prototype.toString.call(expected).startsWith("[object Temporal.")) {
      assert.equal(String(actual), String(expected), path);
    } else if (!Array.isArray(expected)) {
      const valueOf = expected.valueOf;
      if (typeof valueOf === "function" && valueOf !== Object.prototype.valueOf) {
        if (/Number|String|Boolean|BigInt/.test(Object.prototype.toString.call(expected))) {
          assert.ok(Object.is(actual.valueOf(), expected.valueOf()), path);
        }
      }
    } else {
      assert.equal((actual as unknown[]).length, expected.length, path);
    }
    assert.deepEqual(Object.keys(actual), Object.keys(expected), `${path}: keys`);
    const extras = extrasOf(expected);
    assert.deepEqual(extrasOf(actual), extras, `${path}: symbols and hidden keys`);
    for (const key of [...Object.keys(expected), ...extras]) {
      this.compare(get(actual, key), get(expected, key), `${path}[${JSON.stringify(String(key))}]`);
    }
  }

  private classes(actual: object, expected: object, path: string): void {
    const [one, other] = [Object.getPrototypeOf(actual), Object.getPrototypeOf(expected)];
    if (one === other) return;
    assert.ok(this.inside !== undefined && one !== null && other !== null, `${path}: class`);
    this.compare(one.constructor, other.constructor, `${path}: class`);
  }

  private list(actual: unknown[], expected: unknown[], path: string): void {
    assert.equal(actual.length, expected.length, path);
    for (let i = 0; i < expected.length; i++) {
      this.compare(actual[i], expected[i], `${path}[${i}]`);
    }
  }
}

function get(object: object, key: string | symbol): unknown {
  return Object.hasOwn(object, key) ? (object as Record<string | symbol, unknown>)[key] : undefined;
}

/** Keys that are not enumerable, and those that are symbols of `Symbol.for`. */
function extrasOf(object: object): (string | symbol)[] {
  return Reflect.ownKeys(object).filter((key) =>
    typeof key === "symbol"
      ? Symbol.keyFor(key) !== undefined
      : !INHERENT.includes(key) && !Object.prototype.propertyIsEnumerable.call(object, key)
  );
}

function bytes(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
