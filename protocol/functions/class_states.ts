/**
 * What classes close over, for functions that share objects with them. A class has one identity in a
 * thread, whichever functions it comes with; its variables have the objects of the function that runs.
 *
 * @module
 */
import type { AnyFunction, Defined, Definition } from "./definition.ts";

const { getOwnPropertyDescriptor } = Object;
const { defineProperty, ownKeys } = Reflect;

/** How the variables of a class are read and set. */
interface Variables {
  readonly names: readonly string[];
  readonly defined: Defined;
}

/** What a class has when a function runs. */
interface State {
  readonly cls: AnyFunction;
  readonly variables: Variables;
  readonly values: readonly unknown[];
  readonly properties: readonly Property[];
}

interface Property {
  readonly object: object;
  readonly key: string | symbol;
  readonly value: unknown;
}

/** The classes of one thread. */
export class ClassStates {
  readonly #variables = new WeakMap<AnyFunction, Variables>();
  readonly #states = new WeakMap<AnyFunction, readonly State[]>();
  /** The function whose objects a class has now. */
  readonly #users = new WeakMap<AnyFunction, AnyFunction>();

  /** A class was made. */
  made({ variables }: Definition, defined: Defined): void {
    if (defined.read !== undefined) {
      this.#variables.set(defined.value, { names: variables, defined });
    }
  }

  /** A class that is there comes again, with other objects; undefined: it keeps what it has. */
  again(cls: AnyFunction, early: readonly unknown[]): Defined | undefined {
    const variables = this.#variables.get(cls);
    if (variables === undefined) return undefined;
    const { names, defined } = variables;
    early.forEach((value, i) => defined.bind(names[i], value));
    return { value: cls, known: false, bind: defined.bind };
  }

  /** A function was made together with classes: they have now what it shares with them. */
  keep(fn: AnyFunction, classes: Iterable<AnyFunction>): void {
    const states: State[] = [];
    for (const cls of classes) {
      const variables = this.#variables.get(cls);
      if (variables === undefined) continue;
      const values = variables.defined.read!();
      states.push({ cls, variables, values, properties: propertiesOf(cls) });
      this.#users.set(cls, fn);
    }
    this.#states.set(fn, states);
  }

  /** A function is about to run: its classes have what it shares with them. */
  use(fn: AnyFunction): void {
    for (const { cls, variables, values, properties } of this.#states.get(fn) ?? []) {
      if (this.#users.get(cls) === fn) continue;
      this.#users.set(cls, fn);
      variables.names.forEach((name, i) => variables.defined.bind(name, values[i]));
      for (const { object, key, value } of properties) defineProperty(object, key, { value });
    }
  }
}

/** The objects that are properties of a class or of its prototype. */
function propertiesOf(cls: AnyFunction): Property[] {
  const properties: Property[] = [];
  for (const object of [cls, cls.prototype]) {
    if (typeof object !== "function" && (typeof object !== "object" || object === null)) continue;
    for (const key of ownKeys(object)) {
      const { value, writable } = getOwnPropertyDescriptor(object, key)!;
      if (!writable || key === "constructor" || key === "prototype") continue;
      if (typeof value === "function" || typeof value === "object" && value !== null) {
        properties.push({ object, key, value });
      }
    }
  }
  return properties;
}
