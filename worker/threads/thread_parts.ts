/**
 * Which parts of code a thread knows, and under which number: what it lacks is sent ahead of the task
 * that uses it, each part once and after the parts that it needs.
 *
 * @module
 */
import type { ThreadInbox } from "./thread_inbox.ts";
import type { ThreadPart } from "./thread_task.ts";

/** Parts that one record has forgotten. */
const FORGOTTEN_AT_ONCE = 1000;

/** The parts of one thread. */
export class ThreadParts {
  readonly #inbox: ThreadInbox;
  /** Numbers of the parts that the thread knows, by name. One that is here has all its needs here. */
  readonly #numbers = new Map<string, number>();
  #next = 1;
  /** Numbers of parts that the thread has not been told to forget yet, by name. */
  readonly #forgotten = new Map<string, number>();
  /** Modules that tasks can import by name, when the thread has not been told of them yet. */
  #uploads: ReadonlyMap<string, ThreadPart> | undefined;

  /** @param inbox Leads to the thread. */
  constructor(inbox: ThreadInbox) {
    this.#inbox = inbox;
  }

  /** The number of a part, which is sent if need be; -1 when there was no room for that. */
  numberOf(part: ThreadPart): number {
    const known = this.#numbers.get(part.name);
    if (known !== undefined) return known;
    const needs = this.numbersOf(part.needs);
    if (needs === undefined) return -1;
    const { name, code, origin } = part;
    let id = this.#forgotten.get(name);
    if (id === undefined) {
      id = this.#next;
      if (!this.#inbox.learn({ id, name, needs, code, origin })) return -1;
      this.#next++;
    } else {
      // The thread still has it; told to forget it later, it would drop what has come anew.
      this.#forgotten.delete(name);
    }
    this.#numbers.set(name, id);
    return id;
  }

  /** The numbers of parts, which are sent if need be; undefined when there was no room for that. */
  numbersOf(parts: readonly ThreadPart[]): number[] | undefined {
    const numbers: number[] = [];
    for (let i = 0; i < parts.length; i++) {
      const id = this.numberOf(parts[i]);
      if (id < 0) return undefined;
      numbers.push(id);
    }
    return numbers;
  }

  /** Has the thread forget parts. What other parts need must be forgotten with them. */
  forget(names: readonly string[]): void {
    for (let i = 0; i < names.length; i++) {
      const id = this.#numbers.get(names[i]);
      if (id === undefined) continue;
      this.#numbers.delete(names[i]);
      this.#forgotten.set(names[i], id);
    }
    // Not worth waking the thread: it comes across it with its next task.
    this.catchUp();
  }

  /** Has tasks import these modules by these names from now on, and no others. */
  setUploads(modules: ReadonlyMap<string, ThreadPart>): void {
    this.#uploads = modules;
  }

  /** Sends what the thread must have been told before its next task; false when there was no room. */
  catchUp(): boolean {
    // First what takes the place of modules that are to be forgotten.
    if (this.#uploads !== undefined && !this.#sendUploads(this.#uploads)) return false;
    while (this.#forgotten.size > 0) {
      const names = this.#forgotten.keys().take(FORGOTTEN_AT_ONCE).toArray();
      const ids = names.map((name) => this.#forgotten.get(name)!);
      if (!this.#inbox.forget(ids)) return false;
      for (const name of names) this.#forgotten.delete(name);
    }
    return true;
  }

  #sendUploads(uploads: ReadonlyMap<string, ThreadPart>): boolean {
    const modules = new Map<string, number>();
    for (const [name, part] of uploads) {
      const id = this.numberOf(part);
      if (id < 0) return false;
      modules.set(name, id);
    }
    if (!this.#inbox.uploads(modules)) return false;
    this.#uploads = undefined;
    return true;
  }
}
