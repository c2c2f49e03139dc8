/**
 * A function that was made while a task ran. Its text says what it does, and the function that made it
 * hands out the variables around it, which cannot be seen from outside.
 *
 * @module
 */
import { type AnyFunction, CodeRefusal, type Definition } from "./definition.ts";

const { toString } = Function.prototype;

/** How it can be written. */
export class MadeHere {
  readonly #fn: AnyFunction;
  readonly #variables: () => Record<string, unknown>;
  readonly #shared: string | undefined;
  readonly #imports: Record<string, string> | undefined;

  /**
   * @param fn The function.
   * @param variables The variables around it that it uses, with their values.
   * @param shared A variable because of which it cannot travel.
   * @param imports Modules that the text around it imports.
   */
  constructor(
    fn: AnyFunction,
    variables: () => Record<string, unknown>,
    shared: string | undefined,
    imports: Record<string, string> | undefined,
  ) {
    this.#fn = fn;
    this.#variables = variables;
    this.#shared = shared;
    this.#imports = imports;
  }

  /** Its text, and the names of its variables. */
  get definition(): Definition {
    return {
      source: toString.call(this.#fn),
      kind: "expression",
      name: this.#fn.name,
      variables: Object.keys(this.#look()),
      early: 0,
      ...this.#imports !== undefined && { imports: this.#imports },
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

  #look(): Record<string, unknown> {
    if (this.#shared !== undefined) {
      throw new CodeRefusal(
        `its variable "${this.#shared}" is changed by one function and used by another, and each task ` +
          `gets a copy of its own; pass it as an argument, or return what becomes of it`,
      );
    }
    try {
      return this.#variables();
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      throw new CodeRefusal(`${error.message}: declare it above the call`);
    }
  }
}
