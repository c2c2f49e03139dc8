/**
 * Objects of the platform that are data: what they are written as, and how they are made of it.
 *
 * @module
 */
import { blobBytes, rememberBytes } from "./blob_bytes.ts";
import type { AnyFunction } from "./functions/definition.ts";
import { type BuiltinKind, builtinKind, isNodeBuffer } from "./values_kinds.ts";
import { SINGLE_KINDS, STATELESS_KINDS } from "./values_stateless.ts";
import { TEMPORAL_KINDS } from "./values_temporal.ts";

/** An object that travels by the name of its class and its content. */
export interface Standard {
  /** Name of the class, such as "URL" or "Temporal.Instant"; objects say it of themselves. */
  readonly name: string;
  /**
   * What the object is made of again: strings, numbers and bytes, in arrays. Undefined when that cannot
   * be told yet: the bytes of a Blob that nobody has read.
   */
  content(object: never): unknown;
  /**
   * Make the object.
   *
   * @param content What `content` gave; from outside, so it may be anything. What is thrown then does not matter.
   */
  make(content: never): object;
  /** The object itself, where there is one only. */
  readonly single?: object;
}

type Pixels = [Uint8ClampedArray<ArrayBuffer>, number, number, PredefinedColorSpace, string?];

interface NodeBuffer {
  from(buffer: ArrayBufferLike, byteOffset: number, length: number): Uint8Array;
}

/** Node's `Buffer`, which is a view with a class that is not everywhere. */
const NODE_BUFFER: Standard = {
  name: "Buffer",
  content: ({ buffer, byteOffset, byteLength }: Uint8Array) => [
    new Uint8Array(buffer, byteOffset, byteLength),
  ],
  make: ([bytes]: [Uint8Array]) => {
    const { buffer, byteOffset, byteLength } = view(bytes);
    return (classNamed("Buffer") as unknown as NodeBuffer).from(buffer, byteOffset, byteLength);
  },
};

const kinds: Standard[] = [
  {
    name: "URL",
    content: (url: URL) => url.href,
    make: (href: string) => new URL(text(href)),
  },
  {
    name: "URLSearchParams",
    content: (parameters: URLSearchParams) => [...parameters],
    make: (entries: [string, string][]) => new URLSearchParams(pairs(entries)),
  },
  {
    name: "Headers",
    content: (headers: Headers) => [...headers],
    make: (entries: [string, string][]) => new Headers(pairs(entries)),
  },
  {
    name: "Blob",
    content: (blob: Blob) => {
      const bytes = blobBytes(blob);
      return bytes && [bytes, blob.type];
    },
    make: ([bytes, type]: [Uint8Array<ArrayBuffer>, string]) =>
      rememberBytes(new Blob([view(bytes)], { type: text(type) }), bytes),
  },
  {
    name: "File",
    content: (file: File) => {
      const bytes = blobBytes(file);
      return bytes && [bytes, file.type, file.name, file.lastModified];
    },
    make: ([bytes, type, name, lastModified]: [Uint8Array<ArrayBuffer>, string, string, number]) =>
      rememberBytes(
        new File([view(bytes)], text(name), {
          type: text(type),
          lastModified: number(lastModified),
        }),
        bytes,
      ),
  },
  {
    name: "ImageData",
    content: (image: ImageData & { pixelFormat?: string }) => [
      image.data,
      image.width,
      image.height,
      image.colorSpace,
      image.pixelFormat,
    ],
    make: ([data, width, height, colorSpace, pixelFormat]: Pixels) => {
      const settings: { colorSpace: string; pixelFormat?: string } = {
        colorSpace: text(colorSpace),
      };
      // Not every runtime has pixels of more than 8 bits.
      if (pixelFormat !== undefined) settings.pixelFormat = text(pixelFormat);
      return new ImageData(
        view(data),
        number(width),
        number(height),
        settings as ImageDataSettings,
      );
    },
  },
  NODE_BUFFER,
  ...STATELESS_KINDS,
  ...SINGLE_KINDS,
  ...TEMPORAL_KINDS,
];

const byName = new Map(kinds.map((kind) => [kind.name, kind]));
const singles = new Map(SINGLE_KINDS.map((kind) => [kind.single, kind]));

/** What an object that is not plain is, apart from its class. */
export type SpecialKind = BuiltinKind | Standard | "Array" | "Object";

/** What an object is that is not plain, apart from its class; undefined for all that has a class only. */
export function specialKind(object: object): SpecialKind | undefined {
  const kind = builtinKind(object);
  if (kind === "View" && isNodeBuffer(Object.getPrototypeOf(object))) return NODE_BUFFER;
  return kind ?? (Array.isArray(object) ? "Array" : standardOf(object));
}

/** How an object travels of which there is one; undefined for all other objects. */
export function singleOf(object: object): Standard | undefined {
  return singles.get(object);
}

/** How an object of the platform travels; undefined for all other objects. */
function standardOf(object: object): Standard | undefined {
  let name = Object.prototype.toString.call(object).slice(8, -1);
  // Images do not say what they are in every runtime, and are the only ones.
  if (name === "Object") name = "ImageData";
  const kind = byName.get(name);
  if (kind?.single !== undefined) return singleOf(object);
  const cls = kind && classNamed(name);
  return cls !== undefined && object instanceof cls ? kind : undefined;
}

/** How objects of the platform with a name travel; undefined if this runtime has none. */
export function standardNamed(name: string): Standard | undefined {
  const kind = byName.get(name);
  return kind?.single ? kind : kind && classNamed(name) && kind;
}

/** Whether this is the prototype of the class itself, not of a subclass. */
export function isStandardPrototype(standard: Standard, prototype: object): boolean {
  return standard.single !== undefined || classNamed(standard.name)?.prototype === prototype;
}

/** Looked up where there is need of it: the platform loads some of its classes when they are first named. */
function classNamed(name: string): AnyFunction | undefined {
  let found: unknown = globalThis;
  for (const step of name.split(".")) {
    found = (found as Record<string, unknown> | undefined)?.[step];
  }
  return typeof found === "function" ? found : undefined;
}

function text(value: unknown): string {
  if (typeof value !== "string") throw new TypeError("a string was expected");
  return value;
}

function number(value: unknown): number {
  if (typeof value !== "number") throw new TypeError("a number was expected");
  return value;
}

function view<T>(value: T): T {
  if (!ArrayBuffer.isView(value)) throw new TypeError("bytes were expected");
  return value;
}

function pairs(value: unknown): [string, string][] {
  if (!Array.isArray(value)) throw new TypeError("an array was expected");
  return value.map(([name, content]) => [text(name), text(content)]);
}
