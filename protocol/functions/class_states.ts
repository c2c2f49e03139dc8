/**
 * What classes close over, for functions that share objects with them. A class has one identity in a
 * thread, whichever functions it comes with; its variables have the objects of the function that runs.
 *
 * @module
 */
import type { AnyFunction, Defined } from "./definition.ts";

/** What a class has when a function runs. */
export interface ClassState {
  readonly cls: AnyFunction;
  /** Give it that. */
  readonly changes: (() => void)[];
}

/** The classes of one thread. */
export class ClassStates {
  /** Classes that were made here, by which their variables can be set. */
  readonly #made = new WeakMap<AnyFunction, Defined>();
  readonly #states = new WeakMap<AnyFunction, readonly ClassState[]>();
  /** The function whose objects a class has now. */
  readonly #users = new WeakMap<AnyFunction, AnyFunction>();

  /** A class was made. */
  made(defined: Defined): void {
    this.#made.set(defined.value, defined);
  }

  /**
   * A class comes with what it shares with a function. It gets that when the function runs, so that
   * nothing has changed if the function cannot be made.
   *
   * @param cls The class. @param states Those of the function.
   */
  meet(cls: AnyFunction, states: ClassState[]): Defined {
    const made = this.#made.get(cls);
    // A class of the program itself has what it has.
    if (made === undefined) return { value: cls, known: true, bind: () => {} };
    const changes: (() => void)[] = [];
    states.push({ cls, changes });
    return {
      value: cls,
      known: false,
      bind: (variable, value) => changes.push(() => made.bind(variable, value)),
      later: (change) => changes.push(change),
    };
  }

  /** A function was made. @param states Of the classes that it shares objects with. */
  keep(fn: AnyFunction, states: readonly ClassState[]): void {
    if (states.length > 0) this.#states.set(fn, states);
  }

  /** A function is about to run: its classes have what it shares with them. */
  use(fn: AnyFunction): void {
    const states = this.#states.get(fn);
    if (states === undefined) return;
    for (const { cls, changes } of states) {
      if (this.#users.get(cls) === fn) continue;
      this.#users.delete(cls);
      for (const change of changes) change();
      this.#users.set(cls, fn);
    }
  }
}
