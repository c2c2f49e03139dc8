/**
 * Random values of every kind that travels, with sharing and cycles, for property tests.
 *
 * @module
 */
import fc from "npm:fast-check@4.10.2";
import { rememberBytes } from "../../protocol/blob_bytes.ts";

export { fc };

const buffers = fc.uint8Array({ maxLength: 40 }).map((bytes) => bytes.slice().buffer);
const largeBuffers = fc.integer({ min: 4000, max: 6000 }).map((size) =>
  new Uint8Array(size).map((_, i) => i * 7).buffer
);

const VIEWS = [
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  ...("Float16Array" in globalThis
    ? [(globalThis as unknown as { Float16Array: Uint16ArrayConstructor }).Float16Array]
    : []),
] as Uint8ArrayConstructor[];

/** A view of some type on some part of a buffer. */
function viewOn(buffer: ArrayBuffer, type: number, from: number, to: number): ArrayBufferView {
  if (type === VIEWS.length) {
    const start = Math.floor(from * buffer.byteLength);
    return new DataView(buffer, start, Math.floor(to * (buffer.byteLength - start)));
  }
  const View = VIEWS[type];
  const size = Math.floor(buffer.byteLength / View.BYTES_PER_ELEMENT);
  const start = Math.floor(from * size);
  return new View(buffer, start * View.BYTES_PER_ELEMENT, Math.floor(to * (size - start)));
}

const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const views = fc.tuple(
  fc.oneof(buffers, buffers, largeBuffers),
  fc.array(fc.tuple(fc.nat(VIEWS.length), fraction, fraction), { minLength: 1, maxLength: 3 }),
  fc.boolean(),
).map(([buffer, parts, whole]) => {
  const list: object[] = parts.map(([type, from, to]) => viewOn(buffer, type, from, to));
  if (whole) list.push(buffer);
  return list.length === 1 ? list[0] : list;
});

/** Strings of all kinds of characters, lone surrogates and long ones included. */
export const strings: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: "binary" }),
  fc.string({ unit: "binary-ascii", maxLength: 300 }),
  fc.array(fc.nat(0xffff), { maxLength: 12 }).map((codes) => String.fromCharCode(...codes)),
  fc.constantFrom("\ud800", "\ufeffbom", "\ufffd", "", "__proto__", "constructor", "é".repeat(500)),
);

const primitives: fc.Arbitrary<unknown> = fc.oneof(
  fc.integer(),
  fc.integer({ min: -200, max: 200 }),
  fc.double(),
  fc.constantFrom(-0, NaN, Infinity, -Infinity, 2 ** 31, -(2 ** 31), 2 ** 32, 2 ** 53, 0x7f, 0x80),
  fc.bigInt(),
  fc.bigInt({ min: -5n, max: 5n }),
  strings,
  fc.boolean(),
  fc.constantFrom(undefined, null),
);

// deno-lint-ignore no-explicit-any
const temporal = (globalThis as any).Temporal;

/** Objects of the platform. */
const standard: fc.Arbitrary<unknown> = fc.oneof(
  fc.webUrl().map((url) => new URL(url)),
  fc.array(fc.tuple(strings, strings), { maxLength: 3 }).map((pairs) => new URLSearchParams(pairs)),
  fc.array(fc.tuple(fc.constantFrom("a", "X-Y", "set-cookie"), fc.nat().map(String)), {
    maxLength: 3,
  })
    .map((pairs) => new Headers(pairs)),
  fc.oneof(buffers, largeBuffers).map((buffer) =>
    rememberBytes(new Blob([buffer], { type: "a/b" }), new Uint8Array(buffer))
  ),
  fc.tuple(buffers, strings).map(([buffer, name]) =>
    rememberBytes(new File([buffer], name, { lastModified: 7 }), new Uint8Array(buffer))
  ),
  ...(temporal === undefined ? [] : [
    fc.bigInt({ min: -(10n ** 21n), max: 10n ** 21n }).map((n) => new temporal.Instant(n)),
    fc.date({ noInvalidDate: true }).map((date) =>
      temporal.PlainDate.from({
        year: date.getUTCFullYear() % 200_000,
        month: date.getUTCMonth() + 1,
        day: date.getUTCDate(),
      })
    ),
    fc.array(fc.nat(1e6), { maxLength: 10 }).map((units) => new temporal.Duration(...units)),
  ]),
);

/** Values that hold no others. */
export const leaves: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 6, arbitrary: primitives },
  { weight: 2, arbitrary: views },
  buffers,
  fc.date({ noInvalidDate: false }),
  fc.constantFrom(/a+/gi, /[\]/]/u, new RegExp(""), /\p{L}/v),
  fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.bigInt()).map(Object),
  standard,
  fc.oneof(
    strings.map((key) => Symbol.for(key)),
    fc.constantFrom(Symbol.iterator, Symbol.asyncIterator, Symbol.toStringTag),
  ),
);

/** What a container is made of: leaves, and numbers of other containers. */
type Part = { leaf: unknown } | { link: number };

const KINDS = ["array", "object", "null", "map", "set", "sparse", "named", "error"] as const;

const parts = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: leaves.map((leaf): Part => ({ leaf })) },
    { weight: 2, arbitrary: fc.nat(20).map((link): Part => ({ link })) },
  ),
  { maxLength: 6 },
);

const ERRORS = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError];

/**
 * Values of every kind: some containers, each of leaves and of references to any of the containers.
 */
export const values: fc.Arbitrary<unknown> = fc.array(
  fc.tuple(fc.constantFrom(...KINDS), parts, fc.array(strings, { minLength: 6, maxLength: 6 })),
  { minLength: 1, maxLength: 6 },
).map((nodes) => {
  const made: object[] = nodes.map(([kind, , names]) => {
    switch (kind) {
      case "map":
        return new Map();
      case "set":
        return new Set();
      case "object":
        return {};
      case "null":
        return Object.create(null);
      case "error":
        return new ERRORS[names[0].length % ERRORS.length](names[0]);
      default:
        return [];
    }
  });
  nodes.forEach(([kind, parts, names], n) => {
    const target = made[n];
    parts.forEach((part, i) => {
      const value = "leaf" in part ? part.leaf : made[part.link % made.length];
      if (kind === "map") (target as Map<unknown, unknown>).set(i % 2 ? value : names[i], value);
      else if (kind === "set") (target as Set<unknown>).add(value);
      else if (kind === "array") (target as unknown[]).push(value);
      else if (kind === "sparse") (target as unknown[])[i * i] = value;
      else if (kind === "error" && i === 0) (target as Error).cause = value;
      else {
        // An array has a length already, which takes no other value.
        if (names[i] === "length" && Array.isArray(target)) return;
        Object.defineProperty(target, kind === "named" && i < 2 ? String(i) : names[i], {
          value,
          enumerable: true,
          writable: true,
          configurable: true,
        });
      }
    });
    if (kind === "sparse" && names[0].length > 3) (target as unknown[]).length += 3000;
  });
  return made.length % 2 ? made[0] : made;
});
