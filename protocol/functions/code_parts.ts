/**
 * Makes parts of functions, classes and registered serializations: encodes them, names them by what
 * they are, and makes them again only when something in them has changed.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import type { CodePart } from "../messages.ts";
import { allRegistrations, type Registration } from "../registrations.ts";
import { Serialized } from "../serialized.ts";
import { tokenize } from "../tokenize.ts";
import { SerializationError, serialize } from "../values.ts";
import { type Closure, nameOf } from "./closure.ts";
import type { CodeBook } from "./code_book.ts";
import { CodeSession, type SessionOptions } from "./code_session.ts";
import { isBare } from "./code_properties.ts";
import { type AnyFunction, CodeRefusal } from "./definition.ts";
import { Homes } from "./homes.ts";
import { originOf } from "./origins.ts";

/** A part with all that it needs. */
export interface NamedPart {
  readonly name: string;
  readonly part: CodePart;
  /** The parts that it needs, directly or not, without itself. */
  readonly parts: ReadonlyMap<string, CodePart>;
}

/** A part that was made of something live. */
export interface MadePart extends NamedPart {
  /** Nothing in it can change, unless these get properties. */
  readonly isConstant: boolean;
  readonly bare: ReadonlySet<Closure>;
}

/** A class's part, and when it was looked at. */
interface ClassEntry extends MadePart {
  epoch: object;
}

/** What was written, and what it refers to. */
interface Encoded {
  readonly code: Serialized;
  readonly session: CodeSession;
}

/** Makes parts. */
export class CodeParts {
  readonly #book: CodeBook;
  readonly #functions = new WeakMap<AnyFunction, MadePart>();
  readonly #classes = new WeakMap<AnyFunction, ClassEntry>();
  readonly #classNames = new WeakMap<AnyFunction, { name: string; epoch: object }>();
  readonly #registrations = new WeakMap<Registration, MadePart>();
  readonly #registered = new Map<string, Registration>();
  readonly #making = new Set<object>();

  /** @param book What is known of functions. */
  constructor(book: CodeBook) {
    this.#book = book;
  }

  /**
   * The part of a function.
   *
   * @throws {SerializationError} When something that it closes over cannot travel.
   */
  function(fn: AnyFunction): MadePart {
    const known = this.#functions.get(fn);
    if (known !== undefined && isUnchanged(known)) return known;
    const { code, session } = this.#encodeFunction(fn);
    if (known !== undefined && isSame(known.part.code, code)) return known;
    const made = finish("f", code, session);
    this.#functions.set(fn, made);
    this.#book.functions.set(made.name, fn);
    return made;
  }

  /** With what classes close over in it, if they share some of that with it or with each other. */
  #encodeFunction(fn: AnyFunction): Encoded {
    const epoch = {};
    const encode = (homes?: Homes): Encoded => {
      const session = new CodeSession(this.#book, this, { root: fn, homes, epoch });
      return { code: serialize(fn, { code: session, name: nameOf(fn) || "fn" }), session };
    };
    const homes = new Homes();
    let whole: Encoded;
    try {
      whole = encode(homes);
    } catch (error) {
      // It may be too deep in one piece, or what is clear in each part may be ambiguous in all of them.
      if (error instanceof SerializationError) return encode();
      throw error;
    }
    return homes.isShared || !whole.session.hasClasses ? whole : encode();
  }

  /**
   * The part of a class.
   *
   * @param cls The class. @param epoch Within it, nothing has changed.
   * @throws {SerializationError} When something in it cannot travel.
   * @throws {CodeRefusal} When it needs itself to be made.
   */
  class(cls: AnyFunction, epoch: object): MadePart {
    const known = this.#classes.get(cls);
    if (known !== undefined && (known.epoch === epoch || isUnchanged(known))) return known;
    const name = this.#className(cls, epoch);
    let made: MadePart | undefined = known;
    if (known?.name !== name) {
      // Now that each class inside of it has a name, they can be told to be the same elsewhere.
      const ids = (inner: AnyFunction) => {
        const id = this.#className(inner, epoch);
        this.#book.classes.set(id, inner);
        return id;
      };
      const { code, session } = this.#encodeClass(cls, { root: cls, ids, epoch });
      made = { ...finish("c", code, session), name };
    }
    const entry = { ...made!, epoch };
    this.#classes.set(cls, entry);
    this.#book.classes.set(name, cls);
    return entry;
  }

  /** The name of a class's part: of what it is without names for the classes inside of it. */
  #className(cls: AnyFunction, epoch: object): string {
    const known = this.#classNames.get(cls);
    if (known?.epoch === epoch) return known.name;
    const { code } = this.#encodeClass(cls, { root: cls, ids: () => undefined, epoch });
    const name = `c${tokenize(code)}`;
    this.#classNames.set(cls, { name, epoch });
    return name;
  }

  #encodeClass(cls: AnyFunction, options: SessionOptions): Encoded {
    if (this.#making.has(cls)) {
      throw new CodeRefusal(
        `${nameOf(cls) || "the class"} holds an object whose registered serialization needs the ` +
          `class itself; make it when it is first used`,
      );
    }
    this.#making.add(cls);
    try {
      const session = new CodeSession(this.#book, this, options);
      return { code: serialize(cls, { code: session, name: nameOf(cls) || "class" }), session };
    } finally {
      this.#making.delete(cls);
    }
  }

  /**
   * The part of a registered serialization.
   *
   * @throws {SerializationError} When its functions cannot travel.
   */
  registration(registration: Registration, epoch: object): MadePart {
    const known = this.#registrations.get(registration);
    if (known !== undefined && isUnchanged(known)) return known;
    if (this.#making.has(registration)) {
      throw new CodeRefusal(
        `its serialization closes over an object of the same class; make it when it is first used`,
      );
    }
    this.#making.add(registration);
    try {
      const { class: cls, serialize: write, deserialize: read } = registration;
      const session = new CodeSession(this.#book, this, { root: registration.serialize, epoch });
      // A class that these functions' module imports is that import here, as it is for them.
      for (const fn of [write, read]) session.meet(this.#book.closure(fn).imported);
      const code = serialize([cls, write, read], {
        code: session,
        name: `registerSerialization(${nameOf(cls)})`,
      });
      if (known !== undefined && isSame(known.part.code, code)) return known;
      const made = finish("r", code, session);
      this.#registrations.set(registration, made);
      this.#registered.set(made.name, registration);
      return made;
    } finally {
      this.#making.delete(registration);
    }
  }

  /** The registration that a part was made of. */
  registrationOf(part: string): Registration | undefined {
    if (!this.#registered.has(part)) {
      for (const registration of allRegistrations()) this.registration(registration, {});
    }
    return this.#registered.get(part);
  }
}

function finish(letter: string, code: Serialized, session: CodeSession): MadePart {
  const { needs, written } = session;
  // The first frame is the encoder's own; the others are memory of the user's, which may change.
  const [first, ...frames] = code.frames;
  const kept = new Serialized([first, ...frames.map((frame) => frame.slice())]);
  return {
    name: `${letter}${tokenize(kept)}`,
    part: partOf(kept, needs, [...written.values()]),
    parts: session.parts,
    isConstant: session.isConstant,
    bare: session.isConstant ? session.bare : NONE,
  };
}

const NONE: ReadonlySet<Closure> = new Set();

/** Whether a part would be the same if it were made again. */
function isUnchanged({ isConstant, bare }: MadePart): boolean {
  if (!isConstant) return false;
  for (const { fn, text } of bare) if (!isBare(fn, text)) return false;
  return true;
}

/** A part whose origin is found out when it is sent: that takes longer than all the rest. */
function partOf(
  code: Serialized,
  needs: string[],
  written: readonly (Closure | undefined)[],
): CodePart {
  let origin: Serialized | undefined;
  let left: typeof written | undefined = written;
  return {
    code,
    ...needs.length > 0 && { needs },
    get origin() {
      // The part may outlive the functions: it does not hold them longer than it has to.
      if (left !== undefined) origin = originOf(left);
      left = undefined;
      return origin;
    },
  };
}

function isSame(a: Serialized, b: Serialized): boolean {
  return a.frames.length === b.frames.length &&
    a.frames.every((frame, i) => isSameBytes(frame, b.frames[i]));
}

function isSameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}
