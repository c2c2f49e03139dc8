/**
 * Takes functions and classes of this program apart into parts that travel, with all that they close
 * over; and puts what comes back in terms of this program's own classes.
 *
 * @module
 */
import type { CodePart } from "../messages.ts";
import { allRegistrations, registrationsRevision } from "../registrations.ts";
import { Closure, nameOf } from "./closure.ts";
import { CodeBook } from "./code_book.ts";
import { CodeParts } from "./code_parts.ts";
import { CodeSession } from "./code_session.ts";
import type { AnyFunction, CodeReader, CodeWriter } from "./definition.ts";
import type { ModuleResolver } from "./modules.ts";
import { prefixOf, refuseTask } from "./refuse.ts";
import { standardPath } from "./standard_values.ts";

export type { ModuleResolver, ResolvedModule } from "./modules.ts";

/** A function that can travel. */
export interface CapturedFunction {
  /** Name of its part: the same for the same function, closing over the same, on every machine. */
  readonly part: string;
  /** What keys of its tasks begin with: its name, or "lambda". */
  readonly prefix: string;
  /** It, and all that it needs, directly or not. */
  readonly parts: ReadonlyMap<string, CodePart>;
}

/** Writes the code in values, and knows which parts they came to need. */
export interface ValueCodeWriter extends CodeWriter {
  /** Names of the parts that what was written refers to. */
  readonly needs: string[];
  /** These, and all that they need. */
  readonly parts: ReadonlyMap<string, CodePart>;
  /** Begin with another value. Functions share variables that change within one value. */
  begin(): void;
}

/** The registered serializations as parts. */
export interface CapturedRegistrations {
  readonly needs: string[];
  readonly parts: ReadonlyMap<string, CodePart>;
}

/**
 * Captures functions of this program.
 *
 * @example
 * ```ts
 * const capture = new Capture(modules);
 * const rate = 1.19;
 * const { part, parts } = capture.function((net: number) => net * rate);
 * parts.get(part)!.code; // the function and the value of `rate`
 * ```
 */
export class Capture {
  readonly #book: CodeBook;
  readonly #parts: CodeParts;
  readonly #captured = new WeakMap<AnyFunction, CapturedFunction>();
  #registrations: (CapturedRegistrations & { revision: number }) | undefined;

  /** @param modules Finds what functions import. */
  constructor(modules: ModuleResolver) {
    this.#book = new CodeBook(modules);
    this.#parts = new CodeParts(this.#book);
  }

  /**
   * Capture a function, with the present values of what it closes over.
   *
   * @param fn What was given to `submit` or `map`.
   * @throws {FunctionError} When it cannot run on a worker: a native function, a class, a generator, …
   * @throws {FreeNameError} When it uses names that mean nothing.
   * @throws {SerializationError} When something that it closes over cannot travel.
   */
  function(fn: AnyFunction): CapturedFunction {
    let captured = this.#captured.get(fn);
    const name = captured === undefined ? this.#nameTask(fn) : nameOf(fn);
    const made = this.#parts.function(fn);
    if (captured?.part !== made.name) {
      const parts = new Map([[made.name, made.part], ...made.parts]);
      captured = { part: made.name, prefix: prefixOf(name), parts };
      this.#captured.set(fn, captured);
    }
    return captured;
  }

  #nameTask(fn: AnyFunction): string {
    const name = typeof fn === "function" ? nameOf(fn) : "";
    refuseTask(fn, name, typeof fn === "function" ? this.#closure(fn)?.text : undefined);
    return name;
  }

  /** Undefined for what every worker has. */
  #closure(fn: AnyFunction): Closure | undefined {
    if (standardPath(fn) !== undefined) return undefined;
    const closure = this.#book.find(fn);
    return closure instanceof Closure ? closure : undefined;
  }

  /**
   * A writer for arguments and other values.
   *
   * @param fn The function that will get them. What its module imports is the same import in them.
   */
  writer(fn?: AnyFunction): ValueCodeWriter {
    return new CodeSession(this.#book, this.#parts, { user: fn, epoch: {} });
  }

  /**
   * Parts of all registered serializations: any task may make objects of their classes.
   *
   * @throws {SerializationError} When one of their functions cannot travel.
   */
  registrations(): CapturedRegistrations {
    const revision = registrationsRevision();
    if (this.#registrations?.revision !== revision) {
      const epoch = {};
      const needs: string[] = [];
      const parts = new Map<string, CodePart>();
      for (const registration of allRegistrations()) {
        const made = this.#parts.registration(registration, epoch);
        needs.push(made.name);
        parts.set(made.name, made.part);
        for (const [name, part] of made.parts) parts.set(name, part);
      }
      this.#registrations = { needs, parts, revision };
    }
    return this.#registrations;
  }

  /** A reader for results: what came from here is found again here. */
  reader(): CodeReader {
    return this.#reader;
  }

  readonly #reader: CodeReader = {
    classesOnly: true,
    define: ({ name }) => {
      throw new TypeError(
        `a result has the function '${name}' in it, and functions stay where they are`,
      );
    },
    import: (module, name) => this.#book.import(module, name),
    class: (part) => this.#book.classes.get(part),
    registration: (part) => this.#parts.registrationOf(part)?.deserialize,
    buffer: () => undefined,
  };

  /** The live function of a part that was captured here; undefined if it is gone or unknown. */
  functionOf(part: string): AnyFunction | undefined {
    return this.#book.functions.get(part);
  }
}
