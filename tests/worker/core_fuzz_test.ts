/**
 * Random stimuli, in random order and with random answers of peers and threads: every invariant holds
 * after each of them, the store agrees with the core, and in the end all is answered and nothing stays.
 */
import assert from "node:assert/strict";
import type { CodePart, WorkerToScheduler } from "../../protocol/messages.ts";
import { Serialized } from "../../protocol/serialized.ts";
import type { WorkerAction } from "../../worker/actions.ts";
import { A, B, C, CoreHarness, randomFrom, SELF } from "./core_harness.ts";

const PEERS = [A, B, C];

/** A core with peers and threads that answer when and how chance has it. */
class World {
  readonly random: () => number;
  readonly h: CoreHarness;
  readonly gathers: { worker: string; keys: string[] }[] = [];
  /** What the threads have; true when it was told to stop. */
  readonly threads = new Map<string, boolean>();
  readonly resting: string[] = [];
  readonly restarts: number[] = [];
  readonly store = new Set<string>();
  /** What the scheduler was told last. */
  status = "running";
  /** Copies that the scheduler wants, and that were not answered. */
  readonly asked = new Set<string>();
  /** Tasks asked for and not answered, taken back or given away. */
  readonly open = new Set<string>();

  constructor(seed: number) {
    this.random = randomFrom(seed);
    for (let i = 0; i < 5; i++) this.random();
    this.h = new CoreHarness({
      nthreads: 1 + this.below(3),
      random: this.random,
      resources: { GPU: 2, DISK: 1 },
      totalConnections: 1 + this.below(3),
      maxGatherBytes: 100,
      maxIncomingBytes: this.pick([60, 150, Infinity]),
      logLength: 1000,
    });
  }

  below(n: number): number {
    return Math.floor(this.random() * n);
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)];
  }

  key(): string {
    return `k${this.below(12)}`;
  }

  keys(): string[] {
    return Array.from({ length: 1 + this.below(4) }, () => this.key());
  }

  drain(): void {
    this.h.core.drain(
      (messages) => messages.forEach((message) => this.send(message)),
      (action) => this.act(action),
    );
    for (const key of this.store) assert(this.h.core.holds(key), `${key} is left in the store`);
    for (const key in this.h.core.heldNbytes()) assert(this.store.has(key), `${key} is not stored`);
  }

  send(message: WorkerToScheduler): void {
    switch (message.op) {
      case "task-finished":
        this.open.delete(message.key);
        break;
      case "task-erred":
        this.open.delete(message.key);
        break;
      case "missing-data":
        this.open.delete(message.key);
        for (const key in message.missing) assert(message.missing[key].length > 0);
        break;
      case "add-keys":
      case "release-keys":
        for (const key of message.keys) this.asked.delete(key);
        break;
      case "worker-status-change":
        assert.notEqual(message.status, this.status, "only changes are told");
        this.status = message.status;
        break;
      case "steal-response":
        if (["waiting", "ready", "constrained"].includes(message.state!)) {
          this.open.delete(message.key);
        }
    }
  }

  act(action: WorkerAction): void {
    switch (action.type) {
      case "gather":
        assert(!this.h.core.paused && !this.h.core.held, "nothing is fetched");
        assert(!this.gathers.some((gather) => gather.worker === action.worker), "one per peer");
        this.gathers.push(action);
        break;
      case "execute":
        assert(!this.h.core.paused && !this.h.core.held, "nothing is started");
        assert(!this.threads.has(action.task.key), `${action.task.key} is run twice at once`);
        for (const dependency of action.task.dependencies ?? []) {
          assert(this.store.has(dependency.key), `${dependency.key} is here`);
        }
        this.threads.set(action.task.key, false);
        break;
      case "cancel-execute":
        assert.equal(this.threads.get(action.key), false);
        this.threads.set(action.key, true);
        break;
      case "drop":
        for (const key of action.keys) if (!this.h.core.holds(key)) this.store.delete(key);
        break;
      case "rest":
        this.resting.push(action.worker);
        break;
      case "restart-threads":
        this.restarts.push(action.id);
    }
  }

  stimulus(): void {
    const { h, h: { core } } = this;
    h.now += this.random() / 100;
    const kind = this.below(100);
    if (kind < 35) {
      const key = this.key();
      const whoHas: Record<string, string[]> = {};
      const nbytes: Record<string, number> = {};
      const dependencyNeeds: Record<string, string[]> = {};
      for (let i = this.below(4); i > 0; i--) {
        const dependency = this.key();
        // A graph has no cycles.
        if (Number(dependency.slice(1)) >= Number(key.slice(1))) continue;
        const holders = [...PEERS, SELF].filter(() => this.random() < 0.4);
        whoHas[dependency] = holders;
        nbytes[dependency] = this.below(80);
        dependencyNeeds[dependency] = ["c1"];
      }
      this.open.add(key);
      this.asked.delete(key);
      core.computeTask(
        h.task(key, {
          function: `f${this.below(3)}`,
          parts: this.random() < 0.9 ? this.parts() : undefined,
          needs: this.random() < 0.3 ? [this.pick(["c0", "c1"])] : undefined,
          dependencyNeeds: this.random() < 0.3 ? dependencyNeeds : undefined,
          whoHas,
          nbytes,
          priority: [0, this.below(2), this.below(20)],
          resources: this.pick<Record<string, number> | undefined>(
            [undefined, undefined, { GPU: 1 }, { GPU: 2, DISK: 1 }, {}],
          ),
          duration: this.random() < 0.5 ? undefined : this.random() / 100,
        }),
        h.now,
      );
    } else if (kind < 40) {
      const keys = this.keys();
      for (const key of keys) this.open.delete(key);
      for (const key of keys) this.asked.delete(key);
      core.freeKeys(keys, h.now);
    } else if (kind < 44) {
      const keys = this.keys();
      for (const key of keys) this.open.delete(key);
      for (const key of keys) this.asked.delete(key);
      core.cancelCompute(keys, h.now);
    } else if (kind < 50) {
      const key = this.key();
      // As the shell does: take it back from the threads first if it has not begun.
      if (this.threads.get(key) === false && this.random() < 0.5) {
        this.threads.delete(key);
        core.recalled(key, h.now);
      }
      core.stealRequest(key, 1, h.now);
    } else if (kind < 53) {
      const sizes: Record<string, number> = {};
      for (const key of this.keys()) sizes[key] = this.below(100);
      core.putData(sizes, h.now);
      for (const key in sizes) this.store.add(key);
    } else if (kind < 54) {
      core.deleteData(this.keys(), h.now);
    } else if (kind < 55) {
      const which = this.below(5);
      if (which === 0) {
        core.restart(1, h.now);
        this.open.clear();
        this.asked.clear();
      } else if (which === 1) {
        core.schedulerLost(h.now);
        // It says so when it registers again.
        this.status = core.paused ? "paused" : "running";
        this.asked.clear();
        for (const key of this.open) if (h.state(key) !== "executing") this.open.delete(key);
      }
    } else if (kind < 56) {
      core.setThreads(1 + this.below(4), h.now);
    } else if (kind < 57) {
      if (this.random() < 0.5) {
        if (core.held) core.unhold(h.now);
        else core.hold(h.now);
      } else if (core.paused) core.unpause(h.now);
      else core.pause(h.now);
    } else if (kind < 58) {
      this.changeCode();
    } else if (kind < 61) {
      const whoHas: Record<string, string[]> = {};
      for (const key of this.keys()) {
        whoHas[key] = [...PEERS, SELF].filter(() => this.random() < 0.5);
        this.asked.add(key);
      }
      const generation = this.below(2);
      // The scheduler has given up what it asked for of an older task.
      for (const key in whoHas) {
        if (core.machine.tasks.get(key)?.isOutdated(generation)) this.open.delete(key);
      }
      core.acquireReplicas(whoHas, { k1: 10, k2: 90 }, generation, { k3: ["c1"] }, h.now);
    } else {
      this.answer(kind);
    }
  }

  /** The parts that go along with a task: the functions need the classes. */
  parts(): Record<string, CodePart> {
    const code = new Serialized([]);
    const needs = ["c0"];
    return { c0: { code }, c1: { code, needs }, f0: { code }, f1: { code, needs }, f2: { code } };
  }

  /** Parts are forgotten, with all that need them, or uploaded. */
  changeCode(): void {
    const { h, h: { core } } = this;
    if (this.random() < 0.5) {
      core.forgetParts(this.pick([["f0"], ["f1", "f2"]]), h.now);
    } else {
      core.uploadFile(
        { [this.pick(["a.ts", "b.ts"])]: this.pick(["c0", "c1"]) },
        this.parts(),
        h.now,
      );
    }
  }

  /** A peer or a thread answers. */
  answer(kind: number): void {
    const { h, h: { core } } = this;
    if (this.restarts.length > 0) {
      this.threads.clear();
      core.threadsRestarted(this.restarts.shift()!, h.now);
    } else if (kind % 2 === 0 && this.gathers.length > 0) {
      const [{ worker, keys }] = this.gathers.splice(this.below(this.gathers.length), 1);
      const how = this.below(10);
      if (how === 0) core.gatherFailed(worker, h.now);
      else if (how === 1) core.gatherBusy(worker, h.now);
      else {
        const received = new Map<string, number>();
        for (const key of keys) if (this.random() < 0.8) received.set(key, this.below(80));
        core.gatherSucceeded(worker, received, h.now);
        for (const key of received.keys()) if (core.holds(key)) this.store.add(key);
      }
    } else if (this.resting.length > 0 && kind % 5 === 0) {
      core.peerRested(this.resting.shift()!, h.now);
    } else if (this.threads.size > 0) {
      const key = this.pick([...this.threads.keys()]);
      const stopping = this.threads.get(key)!;
      this.threads.delete(key);
      const how = this.below(10);
      if (how < 6) {
        const nbytes = this.below(100);
        const needs = this.random() < 0.3 ? ["c1"] : undefined;
        const stop = this.random() / 50;
        const kept = core.executeFinished(key, nbytes, "t", needs, 0, stop, 0, h.now);
        assert(!(kept && stopping), "the result of a cancelled task is dropped");
        if (kept) this.store.add(key);
      } else if (how < 7) {
        core.executeErred(key, new Serialized([]), "", 0, 1, 0, h.now);
      } else if (how < 8) {
        core.executeLost(key, "the thread is gone", h.now);
      } else if (stopping) {
        core.executeCancelled(key, h.now);
      } else {
        core.recalled(key, h.now);
      }
    }
  }

  /** Let everything come to rest. */
  settle(): void {
    const { h, h: { core } } = this;
    if (core.paused) core.unpause(h.now);
    if (core.held) core.unhold(h.now);
    core.setThreads(2, h.now);
    this.drain();
    for (let i = 0; i < 10_000; i++) {
      if (
        this.restarts.length + this.gathers.length + this.resting.length + this.threads.size === 0
      ) {
        return;
      }
      h.now += 0.001;
      this.answer(this.pick([58, 60, 61]));
      this.drain();
    }
    assert.fail("it never comes to rest");
  }
}

Deno.test("random stimuli never break an invariant, and everything asked for is answered", () => {
  const only = Deno.env.get("DUSK_SEED");
  const seeds = only === undefined ? Array.from({ length: 300 }, (_, i) => i) : [Number(only)];
  for (const seed of seeds) {
    const world = new World(seed);
    try {
      for (let i = 0; i < 400; i++) {
        world.stimulus();
        // A batch of stimuli comes before one drain, often.
        if (world.random() < 0.7) world.drain();
      }
      world.drain();
      world.settle();
      assert.deepEqual([...world.open], [], "tasks that were never answered");
      assert.deepEqual([...world.asked], [], "copies that were never answered for");
      const all = Array.from({ length: 12 }, (_, i) => `k${i}`);
      world.h.core.freeKeys(all, world.h.now);
      world.drain();
      assert.equal(world.h.core.machine.tasks.size, 0);
      assert.equal(world.h.core.machine.gathering.peers.size, 0);
      assert.equal(world.store.size, 0);
    } catch (error) {
      throw new Error(`Seed ${seed} (replay with DUSK_SEED=${seed})`, { cause: error });
    }
  }
});
