/**
 * What stands, while a value is read, for an object that cannot be had: not yet, or not at all.
 *
 * @module
 */
import type { AnyFunction, Defined } from "./functions/definition.ts";
import { DeserializationError } from "./values_format.ts";

/** Something that has a number, and cannot be had. */
export abstract class Unready {
  /** The error of needing it nevertheless. */
  abstract error(): DeserializationError;
}

/** Something that is being read. Variables of functions can wait for it. */
export class Pending extends Unready {
  private readonly waiting: [Defined, string][] = [];

  /** @param what What it is, for its error. */
  constructor(private readonly what: string) {
    super();
  }

  /** Give a function's variable its value once it is there. */
  bindLater(defined: Defined, variable: string): void {
    this.waiting.push([defined, variable]);
  }

  /** It is there. */
  complete(value: unknown): void {
    for (const [defined, variable] of this.waiting) defined.bind(variable, value);
  }

  error(): DeserializationError {
    return new DeserializationError(`${this.what} is needed before it is complete`);
  }
}

/** A function that objects may be instances of, and that is no value: see `CodeReader.classesOnly`. */
export class ClassOnly extends Unready {
  /**
   * @param fn The function.
   * @param name What it came as.
   */
  constructor(readonly fn: AnyFunction, private readonly name: string) {
    super();
  }

  error(): DeserializationError {
    return new DeserializationError(
      `the function ${this.name} is in it, and functions stay where they are; return what it gives`,
    );
  }
}

/** A class that is not to be had here. */
export class Absent extends Unready {
  /**
   * @param part Name of its part.
   * @param name Its own name.
   */
  constructor(private readonly part: string, private readonly name: string) {
    super();
  }

  error(): DeserializationError {
    return new DeserializationError(
      `the class ${this.name} (${this.part}) is not known here; read the value in a task or in the program that sent the class, or send plain data instead`,
    );
  }
}
