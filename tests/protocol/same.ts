/**
 * Whether a decoded value is the same as what was encoded, down to the bit.
 *
 * @module
 */
import assert from "node:assert/strict";

const ERROR_FIELDS = ["name", "message", "stack", "cause", "errors"];

/**
 * Check that two values are the same: kinds, bits of numbers, order of keys, holes, prototypes, and which
 * objects are one and the same.
 */
export function assertSame(actual: unknown, expected: unknown): void {
  new Comparison().compare(actual, expected, "value");
}

class Comparison {
  private readonly counterparts = new Map<object, object>();
  private readonly taken = new Map<object, object>();

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
    if (typeof expected !== "object" || expected === null) {
      assert.ok(Object.is(actual, expected), `${path}: ${String(actual)} is ${String(expected)}`);
      return;
    }
    assert.ok(typeof actual === "object" && actual !== null, `${path}: is no object`);
    if (this.paired(actual, expected, path)) return;
    assert.equal(Object.getPrototypeOf(actual), Object.getPrototypeOf(expected), `${path}: class`);
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
    for (const key of Object.keys(expected)) {
      this.compare(get(actual, key), get(expected, key), `${path}[${JSON.stringify(key)}]`);
    }
  }

  private list(actual: unknown[], expected: unknown[], path: string): void {
    assert.equal(actual.length, expected.length, path);
    for (let i = 0; i < expected.length; i++) {
      this.compare(actual[i], expected[i], `${path}[${i}]`);
    }
  }
}

function get(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
}

function bytes(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
