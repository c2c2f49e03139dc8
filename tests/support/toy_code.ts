/**
 * Some parts of code that need each other, a client's and a worker's view of them.
 *
 * @module
 */
import assert from "node:assert/strict";
import type { CodePart, ComputeTask } from "../../protocol/messages.ts";
import type { PartState } from "../../scheduler/part_registry.ts";
import { Serialized } from "../../protocol/serialized.ts";
import type { SeededRandom } from "./seeded_random.ts";

/** In short: each part with those that it needs. */
const NEEDS: Record<string, string[]> = {
  f1: [],
  f2: ["c1", "m1"],
  f3: ["r1", "b1"],
  f4: ["f2", "c3"],
  c1: [],
  c2: ["b2"],
  c3: ["c1", "c2"],
  m1: [],
  m2: [],
  b1: [],
  b2: [],
  r1: ["c3", "f1"],
};

/** The name of a part: a letter, and what could be a hash. */
function partName(short: string): string {
  return short[0] + short.slice(1).padStart(32, "0");
}

/** All parts there are: content never changes under a name. */
export const CODE: Readonly<Record<string, CodePart>> = Object.fromEntries(
  Object.entries(NEEDS).map(([short, needs], i) => {
    const code = new Serialized([new Uint8Array(10).fill(i)]);
    const part = needs.length === 0 ? { code } : { code, needs: needs.map(partName) };
    return [partName(short), part];
  }),
);

/** What a call can run, what values can refer to, and what can be uploaded. */
export const functions: readonly string[] = ["f1", "f2", "f3", "f4"].map(partName);
export const references: readonly string[] = ["c1", "c2", "c3", "r1", "b1", "b2"].map(partName);
export const modules: readonly string[] = ["m1", "m2"].map(partName);

/** A part and all that it needs, the last needed first. */
export function closure(name: string): string[] {
  const found = new Set<string>();
  const visit = (name: string) => {
    for (const need of CODE[name].needs ?? []) visit(need);
    found.add(name);
  };
  visit(name);
  return [...found];
}

/** What a client has sent and not let go of. */
export class SentCode {
  readonly #held = new Set<string>();

  /** The parts to send so that these can be referred to; in an order that is not the right one. */
  take(names: readonly string[]): Record<string, CodePart> {
    const sent: Record<string, CodePart> = {};
    for (const name of names.flatMap(closure).reverse()) {
      if (this.#held.has(name)) continue;
      this.#held.add(name);
      sent[name] = CODE[name];
    }
    return sent;
  }

  /** Let go of some, and of what needs them. */
  release(count: number, random: SeededRandom): string[] {
    const dropped = new Set(random.sample([...this.#held], count));
    const released = [...this.#held].filter((name) => closure(name).some((n) => dropped.has(n)));
    for (const name of released) this.#held.delete(name);
    return released;
  }

  /** The connection is gone. */
  clear(): void {
    this.#held.clear();
  }
}

/** What a worker knows, with all that must hold of it. */
export class KnownCode {
  readonly known = new Set<string>();
  readonly #uploads = new Map<string, string>();

  /** Parts have come. */
  learn(sent: Record<string, CodePart> | undefined): void {
    for (const name in sent) {
      assert(!this.known.has(name), `${name} is sent again`);
      for (const need of sent[name].needs ?? []) {
        assert(this.known.has(need), `${name} comes before ${need}, which it needs`);
      }
      this.known.add(name);
    }
  }

  /** Parts are to be forgotten. */
  forget(names: readonly string[]): void {
    for (const name of names) assert(this.known.delete(name), `${name} is forgotten twice`);
    for (const name of this.known) {
      for (const need of CODE[name].needs ?? []) {
        assert(this.known.has(need), `${need} is forgotten, and ${name} needs it`);
      }
    }
    for (const part of this.#uploads.values()) this.#check(part, "an upload");
  }

  /** Modules can be imported by name. */
  uploaded(modules: Readonly<Record<string, string>>): void {
    for (const name in modules) {
      this.#check(modules[name], name);
      this.#uploads.set(name, modules[name]);
    }
  }

  /** Whether all is there that a task needs. */
  checkTask(task: ComputeTask): void {
    this.#check(task.function, task.key);
    for (const name of task.needs ?? []) this.#check(name, task.key);
    for (const key in task.dependencyNeeds) {
      assert(key in task.whoHas!, `${task.key} does not depend on ${key}`);
      for (const name of task.dependencyNeeds[key]) this.#check(name, task.key);
    }
  }

  /** Whether the worker knows the modules that the scheduler does. */
  checkUploads(uploads: ReadonlyMap<string, PartState>): void {
    const expected = [...uploads].map(([name, part]) => [name, part.name]);
    assert.deepEqual([...this.#uploads].sort(), expected.sort());
  }

  #check(name: string, user: string): void {
    for (const part of closure(name)) assert(this.known.has(part), `${user} lacks ${part}`);
  }
}
