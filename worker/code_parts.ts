/**
 * The code that a worker has: parts by name, as the scheduler sent them, and the modules that tasks can
 * import by name. The worker's main thread never looks inside; the threads make functions of it.
 *
 * @module
 */
import type { CodePart } from "../protocol/messages.ts";
import type { Serialized } from "../protocol/serialized.ts";
import { UnknownPartError } from "../protocol/task_failures.ts";
import type { WorkerAction } from "./actions.ts";
import type { ThreadPart } from "./threads/thread_task.ts";

/** A part that this worker has. */
export class PartState implements ThreadPart {
  readonly name: string;
  readonly code: Serialized;
  readonly origin: Serialized | undefined;
  readonly needs: readonly PartState[];
  /** How long it is expected to run, as a function, in seconds; -1 before its first run. */
  duration = -1;

  /** @param name Its name. @param part The part. @param needs The parts that it refers to. */
  constructor(name: string, part: CodePart, needs: readonly PartState[]) {
    this.name = name;
    this.code = part.code;
    this.origin = part.origin;
    this.needs = needs;
  }

  /**
   * Learn from a run. The estimate rises at once and falls slowly: taking a long task for a short one
   * lets others wait behind it, the reverse only costs a little idle time.
   *
   * @param seconds How long the run took.
   */
  learn(seconds: number): void {
    if (!(seconds >= 0)) return;
    this.duration = seconds >= this.duration ? seconds : 0.8 * this.duration + 0.2 * seconds;
  }
}

/** All parts of a worker. */
export class CodeParts {
  /** The parts that are here, by name: each with all that it needs. */
  readonly known: Map<string, PartState> = new Map();
  /** Modules that tasks can import, by the names that they import them by. */
  readonly uploads: Map<string, PartState> = new Map();

  /**
   * Take parts; those that are here already stay as they are.
   *
   * @param sent The parts by name, each after those that it needs.
   * @throws {UnknownPartError} When a part needs one that is not here. Those before it are here then.
   */
  learn(sent: Readonly<Record<string, CodePart>> | undefined): void {
    for (const name in sent) {
      if (this.known.has(name)) continue;
      const part = sent[name];
      this.known.set(name, new PartState(name, part, (part.needs ?? []).map((n) => this.find(n))));
    }
  }

  /**
   * The part with this name.
   *
   * @throws {UnknownPartError} When it is not here.
   */
  find(name: string): PartState {
    const part = this.known.get(name);
    if (part === undefined) throw new UnknownPartError(name);
    return part;
  }

  /**
   * All parts that a task's arguments and dependencies refer to, each once; null when they refer to none.
   *
   * @throws {UnknownPartError} When one is not here.
   */
  findAll(
    needs: readonly string[] | undefined,
    dependencyNeeds: Readonly<Record<string, readonly string[]>> | undefined,
  ): PartState[] | null {
    if (needs === undefined && dependencyNeeds === undefined) return null;
    const names = new Set(needs);
    for (const key in dependencyNeeds) for (const name of dependencyNeeds[key]) names.add(name);
    return names.size === 0 ? null : Array.from(names, (name) => this.find(name));
  }

  /** Forget parts; the scheduler says that nothing needs them. */
  forget(names: readonly string[]): WorkerAction {
    for (const name of names) this.known.delete(name);
    return { type: "forget-parts", parts: names };
  }

  /**
   * Have tasks import modules by name; a name that is known gets the new module.
   *
   * @param modules Names of the modules' parts, by the names to import them by.
   * @throws {UnknownPartError} When a part is not here. Nothing changes then.
   */
  upload(modules: Readonly<Record<string, string>>): WorkerAction {
    const found = Object.keys(modules).map((name) => [name, this.find(modules[name])] as const);
    for (const [name, part] of found) this.uploads.set(name, part);
    return { type: "set-uploads", modules: new Map(this.uploads) };
  }

  /** Forget everything. What tasks that run have taken of it, they keep. */
  clear(): WorkerAction[] {
    const actions: WorkerAction[] = [];
    if (this.uploads.size > 0) {
      this.uploads.clear();
      actions.push({ type: "set-uploads", modules: new Map() });
    }
    if (this.known.size > 0) actions.push(this.forget([...this.known.keys()]));
    return actions;
  }
}
