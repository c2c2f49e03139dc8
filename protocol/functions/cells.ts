/**
 * Variables that several functions share and that change. Each travels as an object that holds the
 * value, and the functions use its member in the variable's place; so they go on sharing it.
 *
 * @module
 */
import { type AnyFunction, CodeRefusal } from "./definition.ts";
import type { LiveScope } from "./inspector.ts";
import type { Binding } from "./bindings.ts";
import { isTopScope } from "./script.ts";

/** What travels in the place of a variable. */
export interface Cell {
  v: unknown;
}

/** A cell of a variable inside a function, of which there is one each time the function runs. */
interface InnerCell {
  readonly cell: Cell;
  /** All that can be seen of the scopes around it: the same variable has the same. */
  readonly surroundings: readonly unknown[];
  /** The functions that use it, by the place of their text. */
  readonly users: Map<string, AnyFunction>;
}

/** Stands for the value of a variable that has none yet. */
const UNINITIALIZED = Symbol("uninitialized");

/** The cells of one value being written. */
export class Cells {
  readonly #top = new Map<Binding, Cell>();
  readonly #globals = new Map<string, Cell>();
  readonly #inner = new Map<Binding, InnerCell[]>();

  /** The cell of a property of the global object, with its present value. */
  global(name: string): Cell {
    let cell = this.#globals.get(name);
    if (cell === undefined) {
      cell = { v: (globalThis as Record<string, unknown>)[name] };
      this.#globals.set(name, cell);
    }
    return cell;
  }

  /**
   * The cell of a variable, with its present value.
   *
   * @param binding The variable. @param value Its value.
   * @param scopes The scope that has it, and those around that.
   * @param user The function that uses it. @param start Where its text stands.
   * @throws {CodeRefusal} When it cannot be told which of several variables it is.
   */
  get(
    binding: Binding,
    value: unknown,
    scopes: readonly LiveScope[],
    user: AnyFunction,
    start: number,
  ): Cell {
    if (isTopScope(scopes[0])) {
      let cell = this.#top.get(binding);
      if (cell === undefined) this.#top.set(binding, cell = { v: value });
      cell.v = value;
      return cell;
    }
    const surroundings = valuesOf(scopes);
    let cells = this.#inner.get(binding);
    if (cells === undefined) this.#inner.set(binding, cells = []);
    const place = String(start);
    let found = cells.find((one) => isSame(one.surroundings, surroundings));
    if (found === undefined) {
      found = { cell: { v: value }, surroundings, users: new Map() };
      cells.push(found);
    }
    const other = found.users.get(place);
    if (other !== undefined && other !== user) {
      throw new CodeRefusal(
        `there are two functions with this text, and it cannot be told whether they share the ` +
          `variable "${binding.name}", which changes; keep it in an object that is made with const`,
      );
    }
    found.users.set(place, user);
    return found.cell;
  }
}

function valuesOf(scopes: readonly LiveScope[]): unknown[] {
  const values: unknown[] = [];
  for (const scope of scopes) {
    if (isTopScope(scope) || scope.description === "Global") break;
    for (const name of Object.getOwnPropertyNames(scope.object)) {
      // This one may be made anew each time it is looked at.
      if (name !== "arguments") values.push(name, readVariable(scope, name, UNINITIALIZED));
    }
  }
  return values;
}

function isSame(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}

/** The value of a variable; `otherwise` if it is not initialized. */
export function readVariable(scope: LiveScope, name: string, otherwise: unknown): unknown {
  try {
    return scope.object[name];
  } catch (error) {
    if (error instanceof ReferenceError) return otherwise;
    throw error;
  }
}
