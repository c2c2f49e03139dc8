/**
 * The registered serializations that came to a thread.
 *
 * @module
 */
import { LinkError } from "../task_failures.ts";
import type { AnyFunction, RegisteredClass } from "./definition.ts";

/** A class with its two functions. */
export interface LinkedRegistration extends RegisteredClass {
  deserialize(header: unknown, frames: Uint8Array[]): object;
}

const { getPrototypeOf } = Object;
const NONE: readonly string[] = [];

/** Registrations by part, and those that count for the task that runs. */
export class LinkedRegistrations {
  readonly #decode: (part: string) => unknown;
  readonly #linked = new Map<string, LinkedRegistration>();
  /** Clients may have registered different ones for a class that they import. */
  readonly #byPrototype = new WeakMap<object, LinkedRegistration[]>();
  readonly #declared = new WeakSet<AnyFunction>();
  #active = NONE;

  /** @param decode Decodes a part. */
  constructor(decode: (part: string) => unknown) {
    this.#decode = decode;
  }

  /** A module in a task has registered a class. That is of no use, unless the client has done so too. */
  declare(cls: AnyFunction): void {
    this.#declared.add(cls);
  }

  /** Whether a class, or one that it extends, was registered in a task. */
  isDeclared(cls: AnyFunction): boolean {
    for (let at: unknown = cls; typeof at === "function"; at = getPrototypeOf(at)) {
      if (this.#declared.has(at)) return true;
    }
    return false;
  }

  /** Drop one. */
  forget(part: string): void {
    const registration = this.#linked.get(part);
    if (registration === undefined) return;
    this.#linked.delete(part);
    const { prototype } = registration.class;
    // A task may have replaced the prototype; then nothing is found by the one from before any more.
    const others = this.#byPrototype.get(prototype)?.filter((other) => other !== registration);
    if (others !== undefined) this.#byPrototype.set(prototype, others);
  }

  /**
   * A registration, which is made if it was not.
   *
   * @throws {LinkError} When the part is not here, or no registration.
   */
  get(part: string): LinkedRegistration {
    let registration = this.#linked.get(part);
    if (registration === undefined) {
      registration = registrationOf(part, this.#decode(part));
      this.#linked.set(part, registration);
      const { prototype } = registration.class;
      this.#byPrototype.set(prototype, [
        ...this.#byPrototype.get(prototype) ?? [],
        registration,
      ]);
    }
    return registration;
  }

  /**
   * Have these registrations, and no others, count for what is written from now on.
   *
   * @param parts Their names; undefined: none.
   */
  activate(parts: readonly string[] | undefined): void {
    this.#active = parts ?? NONE;
    for (let i = 0; i < this.#active.length; i++) this.get(this.#active[i]);
  }

  /** Names of the parts that count. */
  get active(): readonly string[] {
    return this.#active;
  }

  /** The registration of an object's class, or of the nearest class that it extends. */
  find(object: object): RegisteredClass | undefined {
    if (this.#active.length === 0) return undefined;
    for (let at = getPrototypeOf(object); at !== null; at = getPrototypeOf(at)) {
      const found = this.#byPrototype.get(at)?.find(({ part }) => this.#active.includes(part));
      if (found !== undefined) return found;
    }
    return undefined;
  }
}

/** Checks what came. */
function registrationOf(part: string, value: unknown): LinkedRegistration {
  const functions = Array.isArray(value) && value.length === 3 &&
    value.every((item) => typeof item === "function");
  const [cls, serialize, deserialize] = functions ? value as AnyFunction[] : [];
  if (typeof cls?.prototype !== "object" || cls.prototype === null) {
    throw new LinkError(
      `Part ${part} is not a class with functions that serialize and deserialize`,
    );
  }
  return {
    part,
    class: cls,
    serialize: serialize as unknown as RegisteredClass["serialize"],
    deserialize: deserialize as unknown as LinkedRegistration["deserialize"],
  };
}
