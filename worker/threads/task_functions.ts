/**
 * The parts of code that a thread was sent, by the numbers that records have for them.
 *
 * @module
 */
import type { Linker } from "../../protocol/functions/linker.ts";
import { LinkError } from "../../protocol/task_failures.ts";
import type { LearnRecord } from "./records.ts";

/** A function as tasks call it. */
export type TaskFunction = (...args: unknown[]) => unknown;

/** The parts of one thread. */
export class TaskFunctions {
  readonly #linker: Linker;
  readonly #names = new Map<number, string>();
  readonly #functions = new Map<number, TaskFunction>();

  /** @param linker Makes the parts live. */
  constructor(linker: Linker) {
    this.#linker = linker;
  }

  /** A part has come. */
  learn({ id, name, code, origin }: LearnRecord): void {
    this.#names.set(id, name);
    this.#linker.learn(name, { code, origin });
  }

  /** Drops parts that are not needed any more. */
  forget(ids: readonly number[]): void {
    for (const id of ids) {
      const name = this.#names.get(id);
      if (name === undefined) continue;
      this.#names.delete(id);
      this.#functions.delete(id);
      this.#linker.forget(name);
    }
  }

  /** Modules that tasks can import by name: these, and no others. */
  setUploads(modules: ReadonlyMap<string, number>): void {
    const parts = new Map<string, string>();
    for (const [name, id] of modules) {
      const part = this.#names.get(id);
      if (part !== undefined) parts.set(name, part);
    }
    this.#linker.setUploads(parts);
  }

  /**
   * The function of that number; one that could not be made is tried anew by each task.
   *
   * @throws Whatever making it throws.
   */
  get(id: number): TaskFunction {
    let fn = this.#functions.get(id);
    if (fn === undefined) {
      const name = this.#names.get(id);
      if (name === undefined) throw new LinkError(`Function ${id} was never sent`);
      fn = this.#linker.function(name) as unknown as TaskFunction;
      this.#functions.set(id, fn);
    }
    this.#linker.use(fn);
    return fn;
  }

  /**
   * Have the serializations that are among these parts count for what is read and written next.
   *
   * @param needs Numbers of parts; undefined: none.
   * @throws Whatever making them throws.
   */
  useRegistrations(needs: readonly number[] | undefined): void {
    let found: string[] | undefined;
    if (needs !== undefined) {
      for (let i = 0; i < needs.length; i++) {
        const name = this.#names.get(needs[i]);
        if (name?.startsWith("r")) (found ??= []).push(name);
      }
    }
    this.#linker.registrations.activate(found);
  }
}
