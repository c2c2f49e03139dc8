/**
 * Classes that travel in a way of their own: users say how with `registerSerialization`.
 *
 * @module
 */
import type { AnyFunction } from "./functions/definition.ts";
import { functionName } from "./values_kinds.ts";

/** What {@linkcode registerSerialization} takes as a class of `T`. */
export type SerializableClass<T> = AnyFunction & { readonly prototype: T };

/** What an object travels as: any value that travels, and buffers, which are not copied. */
export type HeaderAndFrames<H = unknown> = readonly [
  header: H,
  frames: readonly (ArrayBuffer | ArrayBufferView)[],
];

/** A class and how its objects travel. */
export interface Registration {
  readonly class: AnyFunction;
  readonly serialize: (object: object) => HeaderAndFrames;
  readonly deserialize: (header: unknown, frames: Uint8Array[]) => object;
}

/** Arguments of {@linkcode registerSerialization} that cannot be right. */
export class RegistrationError extends TypeError {
  /** The name of this class. */
  override readonly name = "RegistrationError";
}

/** By prototype, in the order of their first registration. */
const registrations = new Map<object, Registration>();
/** What was found for a prototype, since the last registration. */
let found = new WeakMap<object, { readonly registration: Registration | undefined }>();
let revision = 0;

/** Prototypes of what travels by itself, so that nobody would be asked. */
const TAKEN = [Object, Array, Function, Number, String, Boolean, BigInt, Symbol].map((cls) =>
  cls.prototype as object
);

/**
 * Say how the objects of a class travel: as a header, which is any value that travels, and frames, which are
 * buffers that are not copied on their way. Subclasses travel in the same way, unless they have a
 * registration of their own, and arrive with their class. A second registration of a class replaces the
 * first. Workers need not do anything: both functions travel there, with what they close over.
 *
 * Plain instances travel with their class anyway; this is for classes with private members (`#x`), with
 * things inside that do not travel, or with a form that is smaller or quicker.
 *
 * @param cls The class.
 * @param serialize Gives header and frames of an object. It must neither change the object nor return the
 * object itself in the header.
 * @param deserialize Makes the object again. A frame is the `Uint8Array` of the same bytes, whatever it was;
 * it may be kept and used as memory of the object.
 * @throws {RegistrationError} If an argument is not what it has to be.
 *
 * @example
 * ```ts
 * import { registerSerialization } from "./mod.ts";
 *
 * class Human {
 *   #name: string;
 *   constructor(name: string) {
 *     this.#name = name;
 *   }
 *   get name(): string {
 *     return this.#name;
 *   }
 * }
 *
 * registerSerialization(
 *   Human,
 *   (human) => [{ version: 1 }, [new TextEncoder().encode(human.name)]],
 *   (_header, [name]) => new Human(new TextDecoder().decode(name)),
 * );
 * ```
 */
export function registerSerialization<T extends object, H>(
  cls: SerializableClass<T>,
  serialize: (object: T) => HeaderAndFrames<H>,
  deserialize: (header: H, frames: Uint8Array<ArrayBuffer>[]) => T,
): void {
  const prototype = prototypeOf(cls);
  checkFunction("serialize", serialize, "(object) => [header, frames]");
  checkFunction("deserialize", deserialize, "(header, frames) => object");
  registrations.set(
    prototype,
    Object.freeze({ class: cls, serialize, deserialize }) as unknown as Registration,
  );
  found = new WeakMap();
  revision++;
}

/**
 * The registration of an object's class, or of the nearest class that it extends.
 *
 * @param object Any object.
 * @returns Undefined if there is none.
 */
export function findRegistration(object: object): Registration | undefined {
  if (registrations.size === 0) return undefined;
  const prototype = Object.getPrototypeOf(object);
  if (prototype === null) return undefined;
  let entry = found.get(prototype);
  if (entry === undefined) found.set(prototype, entry = { registration: search(prototype) });
  return entry.registration;
}

/** All registrations, in the order in which their classes were first registered. */
export function allRegistrations(): readonly Registration[] {
  return [...registrations.values()];
}

/** Counts registrations: as long as it is the same, so are they. */
export function registrationsRevision(): number {
  return revision;
}

function search(prototype: object): Registration | undefined {
  for (let at: object | null = prototype; at !== null; at = Object.getPrototypeOf(at)) {
    const registration = registrations.get(at);
    if (registration !== undefined) return registration;
  }
  return undefined;
}

function prototypeOf(cls: unknown): object {
  if (typeof cls !== "function") {
    throw new RegistrationError(
      `registerSerialization: cls must be a class, not ${show(cls)}; pass the class itself`,
    );
  }
  const { prototype } = cls;
  if (typeof prototype !== "object" || prototype === null) {
    throw new RegistrationError(
      `registerSerialization: cls must be a class, not ${show(cls)}, which makes no objects`,
    );
  }
  if (TAKEN.includes(prototype)) {
    throw new RegistrationError(
      `registerSerialization: cls cannot be ${cls.name}, whose objects always travel as they are; make a class of your own`,
    );
  }
  return prototype;
}

function checkFunction(argument: string, value: unknown, shape: string): void {
  if (typeof value === "function") return;
  throw new RegistrationError(
    `registerSerialization: ${argument} must be a function, ${shape}, not ${show(value)}`,
  );
}

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  if (typeof value === "function") return `the function ${functionName(value) || "(anonymous)"}`;
  if (typeof value !== "object" || value === null) return String(value);
  return Array.isArray(value) ? "an array" : "an object";
}
