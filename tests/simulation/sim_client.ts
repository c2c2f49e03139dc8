/**
 * A client of the simulation: it submits random graphs, scatters, gathers, cancels and releases, and
 * believes only what the scheduler tells it.
 *
 * @module
 */
import assert from "node:assert/strict";
import type {
  ClientMessage,
  CodePart,
  SchedulerToClient,
  TaskGroup,
} from "../../protocol/messages.ts";
import { functions, modules, references, SentCode } from "../support/toy_code.ts";
import type { Link } from "./link.ts";
import type { Simulation } from "./simulation.ts";
import type { BookedTask } from "./task_book.ts";

/** What the client knows of a key that it wants. */
export type WantedStatus = "pending" | "finished" | "error" | "cancelled";

/** One client. */
export class SimClient {
  readonly id: string;
  /** The keys that the client wants, and what it was told of each. */
  readonly wanted: Map<string, WantedStatus> = new Map();
  readonly toScheduler: Link<ClientMessage>;
  readonly #sent = new SentCode();
  readonly #workersOf: Map<string, string[]> = new Map();
  /** How many graphs and data it has sent, with which of them each key came, and how many were heard. */
  #updates = 0;
  readonly #updateOf: Map<string, number> = new Map();
  #heard = 0;
  /** The last task of its own of each key. */
  readonly #mine: Map<string, BookedTask> = new Map();
  /** Keys of tasks of its own that it wants no more. */
  readonly #free: Set<string> = new Set();
  /** Those of them that the next tasks have. */
  #again: string[] = [];
  readonly #simulation: Simulation;

  constructor(simulation: Simulation, id: string, toScheduler: Link<ClientMessage>) {
    this.#simulation = simulation;
    this.id = id;
    this.toScheduler = toScheduler;
  }

  /** A batch from the scheduler has arrived. */
  receive(messages: SchedulerToClient[]): void {
    for (const message of messages) {
      // It is of a task that this client has given up since.
      if ("key" in message && (this.#updateOf.get(message.key) ?? 0) > this.#heard) continue;
      switch (message.op) {
        case "heard":
          this.#heard = message.updates;
          break;
        case "key-in-memory":
          this.#learn(message.key, "finished");
          this.#workersOf.set(message.key, message.workers);
          break;
        case "task-erred":
          this.#learn(message.key, "error");
          assert.doesNotMatch(message.traceback, /Code|Part/, `${message.key} lacks code`);
          break;
        case "lost-data":
          this.#learn(message.key, "pending");
          break;
        case "cancelled-key":
          this.#learn(message.key, "cancelled");
          assert.doesNotMatch(message.reason ?? "", /code/);
          break;
        case "graph-refused":
          assert.doesNotMatch(message.message, /code/);
          for (const key of message.keys) this.#learn(key, "error");
          break;
        case "restart": {
          const keys = [...this.wanted.keys()];
          for (const key of keys) this.wanted.set(key, "cancelled");
          // What was on its way to the scheduler came after the flush, and would stay.
          this.toScheduler.send([{ op: "client-releases-keys", keys }]);
          if (this.#simulation.random.chance(0.5)) this.releaseCode(Infinity);
          break;
        }
        case "task-console":
          break;
      }
    }
  }

  /** Submit a random graph on top of what the client already wants. */
  submit(): void {
    const { random, book } = this.#simulation;
    const size = random.integer(1, 25);
    const usable = [...this.wanted.keys()].filter((key) => this.wanted.get(key) !== "cancelled");
    const fresh: string[] = [];
    const groups: TaskGroup[] = [];
    while (fresh.length < size) {
      const name = random.pick(functions);
      const needs = random.chance(0.7) ? [] : random.sample(references, 2);
      const group: TaskGroup = { function: name, keys: [], args: [], dependencies: [] };
      if (needs.length > 0) group.needs = needs;
      for (let i = random.integer(1, 8); i > 0; i--) {
        const key = this.#chooseKey();
        const known = random.chance(0.7) ? fresh : usable;
        const dependencies = random.sample(known, random.integer(0, 4));
        const failures = random.chance(0.04) ? Infinity : random.chance(0.05) ? 1 : 0;
        const task = book.add(key, failures, { function: name, needs });
        this.#mine.set(key, task);
        group.keys.push(key);
        group.args.push(task.args);
        group.dependencies!.push(dependencies);
        fresh.push(key);
      }
      this.#choose(group);
      groups.push(group);
    }
    this.#updates++;
    for (const group of groups) {
      for (const key of group.wanted ?? group.keys) {
        this.wanted.set(key, "pending");
        this.#updateOf.set(key, this.#updates);
      }
    }
    const used = groups.flatMap((group) => [group.function, ...group.needs ?? []]);
    this.toScheduler.send([{ op: "update-graph", parts: this.#sent.take(used), groups }]);
  }

  /** Put a value on a worker, and tell the scheduler. */
  scatter(): void {
    const { book, random } = this.#simulation;
    const worker = this.#simulation.pickWorker();
    // One that is about to restart would drop it.
    if (worker === undefined || worker.restarting > 0) return;
    const key = `data-${this.id}-${book.tasks.length}`;
    const needs = random.chance(0.5) ? [] : random.sample(references, 2);
    const task = book.addData(key, needs);
    worker.put(task);
    this.#updates++;
    this.wanted.set(key, "finished");
    this.#workersOf.set(key, [worker.address]);
    this.toScheduler.send([{
      op: "update-data",
      parts: this.#sent.take(needs),
      needs: needs.length > 0 ? { [key]: needs } : undefined,
      whoHas: { [key]: [worker.address] },
      nbytes: { [key]: task.nbytes },
    }]);
  }

  /** Let go of code: it is sent again when it is used again. */
  releaseCode(count: number): void {
    const parts = this.#sent.release(count, this.#simulation.random);
    if (parts.length > 0) this.toScheduler.send([{ op: "release-parts", parts }]);
  }

  /** A module to upload, with all that it needs. */
  upload(): { modules: Record<string, string>; parts: Record<string, CodePart> } {
    const { random } = this.#simulation;
    const module = random.pick(modules);
    const parts = new SentCode().take([module]);
    return { modules: { [random.pick(["lib.ts", "other.ts"])]: module }, parts };
  }

  /** Say goodbye. */
  leave(): void {
    this.toScheduler.send([{ op: "close-client" }]);
  }

  /** Give up some keys. */
  release(keys: string[]): void {
    if (keys.length === 0) return;
    for (const key of keys) {
      this.wanted.delete(key);
      this.#setFree(key);
    }
    this.toScheduler.send([{ op: "client-releases-keys", keys }]);
  }

  /** Submit tasks and, soon after, others in the place of some of them. */
  submitTwice(cancels: boolean): void {
    const { random, time } = this.#simulation;
    const before = new Set(this.wanted.keys());
    this.submit();
    const added = [...this.wanted.keys()].filter((key) => !before.has(key));
    time.after(random.next() * 0.02, () => {
      const keys = random.sample(added, 3).filter((key) => this.wanted.has(key));
      if (cancels && random.chance(0.5)) this.cancel(keys);
      else this.release(keys);
      this.#again.push(...keys.filter((key) => this.#free.has(key)));
      this.submit();
    });
  }

  /** Some of the keys that the client wants. */
  some(count: number): string[] {
    return this.#simulation.random.sample([...this.wanted.keys()], count);
  }

  /** Cancel some keys. */
  cancel(keys: string[]): void {
    if (keys.length === 0) return;
    for (const key of keys) {
      this.wanted.set(key, "cancelled");
      this.#setFree(key);
    }
    this.toScheduler.send([{ op: "cancel-keys", keys }]);
  }

  /** Want keys of another client too. */
  share(other: SimClient): void {
    const { random } = this.#simulation;
    const keys = random.sample(
      [...other.wanted.keys()].filter((key) =>
        other.wanted.get(key) !== "cancelled" && !this.wanted.has(key)
      ),
      3,
    );
    if (keys.length === 0) return;
    for (const key of keys) this.wanted.set(key, "pending");
    this.toScheduler.send([{ op: "client-desires-keys", keys }]);
  }

  /** Fetch a result from where the scheduler said it is, and report it when it is not there. */
  gather(): void {
    const { random, workers, time } = this.#simulation;
    const finished = [...this.wanted.keys()].filter((key) => this.wanted.get(key) === "finished");
    if (finished.length === 0) return;
    const key = random.pick(finished);
    time.after(random.next() * 0.01, () => {
      if (this.wanted.get(key) !== "finished") return;
      const address = random.pick(this.#workersOf.get(key)!);
      const worker = workers.get(address);
      const held = worker?.alive ? worker.store.get(key) : undefined;
      if (held === undefined) {
        this.toScheduler.send([{ op: "report-missing", missing: { [key]: [address] } }]);
      } else {
        assert.equal(held.value, held.task.value, `wrong result of ${key}`);
        const mine = this.#mine.get(key);
        if (mine?.isTaken) assert.equal(held.task, mine, `the result of another ${key}`);
      }
    });
  }

  /** A new key, or one of a task that this client has let go of. */
  #chooseKey(): string {
    const { random, book, reusesKeys } = this.#simulation;
    if (reusesKeys && this.#free.size > 0 && (this.#again.length > 0 || random.chance(0.3))) {
      const key = this.#again.pop() ?? random.pick([...this.#free]);
      this.#free.delete(key);
      return key;
    }
    return `x-${this.id}-${book.tasks.length}`;
  }

  #setFree(key: string): void {
    if (key.startsWith(`x-${this.id}-`)) this.#free.add(key);
  }

  #choose(group: TaskGroup): void {
    const { random, names } = this.#simulation;
    if (random.chance(0.15)) {
      group.workers = random.sample(names, random.integer(1, 2));
      if (random.chance(0.5)) group.allowOtherWorkers = true;
    }
    // Only the first name is sure to have one in the end.
    const anywhere = group.workers === undefined || group.workers.includes(names[0]);
    if (anywhere && random.chance(0.1)) group.resources = { GPU: 1 };
    if (random.chance(0.3)) group.retries = 2;
    if (random.chance(0.2)) group.priority = random.integer(-2, 2);
    if (random.chance(0.4)) group.wanted = random.sample(group.keys, group.keys.length);
  }

  #learn(key: string, status: WantedStatus): void {
    const known = this.wanted.get(key);
    // A cancelled key stays cancelled; one that was released is of no interest.
    if (known !== undefined && known !== "cancelled") this.wanted.set(key, status);
  }
}
