/**
 * A function that was made while a task ran. Its text says what it does, and the function that made it
 * hands out the variables around it, which cannot be seen from outside.
 *
 * @module
 */
import { type DefinitionOrigin, originInside } from "./code_places.ts";
import { type AnyFunction, CodeRefusal, type Definition } from "./definition.ts";

const { toString } = Function.prototype;

/** What is known of it. */
export interface MadeParts {
  readonly fn: AnyFunction;
  /** Gives the variables around it that it uses, with their values. */
  readonly variables: () => Record<string, unknown>;
  /** A variable because of which it cannot travel. */
  readonly shared: string | undefined;
  /** The code that it was made in, and where that comes from. */
  readonly definition: Definition;
  readonly origin: () => DefinitionOrigin | undefined;
}

/** How it can be written. */
export class MadeHere {
  readonly #parts: MadeParts;

  /** @param parts See {@linkcode MadeParts}. */
  constructor(parts: MadeParts) {
    this.#parts = parts;
  }

  /** Its text, and the names of its variables. */
  get definition(): Definition {
    const { fn, definition: { imports } } = this.#parts;
    return {
      source: toString.call(fn),
      kind: "expression",
      name: fn.name,
      variables: Object.keys(this.#look()),
      early: 0,
      ...imports !== undefined && { imports },
    };
  }

  /**
   * The values of its variables now.
   *
   * @throws {CodeRefusal} When one has none yet, or is shared.
   */
  read(): readonly unknown[] {
    return Object.values(this.#look());
  }

  /** Where it comes from; undefined: nobody knows. */
  origin(): DefinitionOrigin | undefined {
    const { fn, definition, origin } = this.#parts;
    const whole = origin();
    return whole && originInside(whole, definition.source, toString.call(fn));
  }

  #look(): Record<string, unknown> {
    const { shared, variables } = this.#parts;
    if (shared !== undefined) {
      throw new CodeRefusal(
        `its variable "${shared}" is changed by one function and used by another, and each task ` +
          `gets a copy of its own; pass it as an argument, or return what becomes of it`,
      );
    }
    try {
      return variables();
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      throw new CodeRefusal(`${error.message}: declare it above the call`);
    }
  }
}
