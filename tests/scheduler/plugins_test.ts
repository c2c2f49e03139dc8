/** Plugins, and what can be asked about the cluster. */
import assert from "node:assert/strict";
import type { SchedulerCore } from "../../scheduler/core.ts";
import { SchedulerPlugin, type TransitionDetails } from "../../scheduler/plugin.ts";
import { Harness, independent } from "./harness.ts";

Deno.test("the manual's counter counts tasks that are computed", () => {
  class Counter extends SchedulerPlugin {
    counter = 0;
    override transition(_key: string, start: string, finish: string): void {
      if (start === "processing" && finish === "memory") this.counter += 1;
    }
    override restart(_scheduler: SchedulerCore): void {
      this.counter = 0;
    }
  }
  const h = new Harness();
  h.addWorkers(["alice"]);
  const counter = new Counter();
  h.core.addPlugin(counter);
  h.submit({ ...independent(5), bad: [] });
  for (let i = 0; i < 5; i++) h.finish(`x-${i}`);
  h.err("bad");
  assert.equal(counter.counter, 5);
  h.do((core, now) => core.restart(now));
  assert.equal(counter.counter, 0);
  h.core.removePlugin(counter);
  h.submit({ y: [] });
  h.finish("y");
  assert.equal(counter.counter, 0);
});

Deno.test("a plugin hears of workers, graphs and transitions, with their details", () => {
  const heard: unknown[] = [];
  class Ear extends SchedulerPlugin {
    override addWorker(scheduler: SchedulerCore, worker: string): void {
      heard.push(["addWorker", worker, scheduler.workers.size]);
    }
    override removeWorker(scheduler: SchedulerCore, worker: string): void {
      heard.push(["removeWorker", worker, scheduler.workers.size]);
    }
    override updateGraph(_scheduler: SchedulerCore, client: string, keys: string[]): void {
      heard.push(["updateGraph", client, keys]);
    }
    override transition(
      key: string,
      start: string,
      finish: string,
      details: TransitionDetails,
    ): void {
      heard.push([key, start, finish, details]);
    }
  }
  const h = new Harness();
  h.core.addPlugin(new Ear());
  h.addWorkers(["alice"]);
  h.heartbeat("alice", h.now - 50);
  h.submit({ x: [] });
  h.submit({ x: [] });
  h.finish("x", { nbytes: 9, seconds: 2 });
  h.removeWorker("alice");
  const worker = "tcp://alice:1";
  const time = h.now;
  assert.deepEqual(heard, [
    ["addWorker", worker, 1],
    ["updateGraph", "client", ["x"]],
    ["x", "released", "waiting", { stimulus: "update-graph", time }],
    ["x", "waiting", "processing", { stimulus: "update-graph", time, worker }],
    ["updateGraph", "client", []],
    ["x", "processing", "memory", {
      stimulus: "task-finished",
      time,
      worker,
      nbytes: 9,
      type: "number",
      start: 150,
      stop: 152,
    }],
    ["removeWorker", worker, 0],
    ["x", "memory", "released", { stimulus: "remove-worker", time }],
    ["x", "released", "waiting", { stimulus: "remove-worker", time }],
    ["x", "waiting", "no-worker", { stimulus: "remove-worker", time }],
  ]);
});

Deno.test("a plugin that throws is reported and disturbs nothing, nor the others", () => {
  const errors: [string, string][] = [];
  class Bad extends SchedulerPlugin {
    override addWorker(): void {
      throw new Error("addWorker");
    }
    override removeWorker(): void {
      throw new Error("removeWorker");
    }
    override transition(): void {
      throw new Error("transition");
    }
    override updateGraph(): void {
      throw new Error("updateGraph");
    }
    override restart(): void {
      throw new Error("restart");
    }
  }
  const good = new class extends SchedulerPlugin {
    seen = 0;
    override transition(): void {
      this.seen++;
    }
  }();
  const h = new Harness({ onPluginError: (e, _plugin, hook) => errors.push([String(e), hook]) });
  h.core.addPlugin(new Bad());
  h.core.addPlugin(good);
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  h.finish("x");
  h.removeWorker("alice");
  h.do((core, now) => core.restart(now));
  const hooks = new Set(errors.map(([, hook]) => hook));
  assert.deepEqual([...hooks].sort(), [
    "addWorker",
    "removeWorker",
    "restart",
    "transition",
    "updateGraph",
  ]);
  assert(good.seen >= 3);
  assert(h.core.events("plugin-error").length >= errors.length);
});

Deno.test("what happens is in the event log, by topic, with the user's own events", () => {
  const h = new Harness({ eventLogLength: 100 });
  h.addWorkers(["alice"]);
  h.now = 200;
  h.core.logEvent("mine", { answer: 42 }, h.now);
  h.removeWorker("alice", { safe: true });
  assert.deepEqual(h.core.events("mine"), [
    { topic: "mine", time: 200, message: { answer: 42 } },
  ]);
  const actions = h.core.events("worker").map((e) => (e.message as { action: string }).action);
  assert.deepEqual(actions, ["add-worker", "remove-worker"]);
  assert.deepEqual(h.core.events().map((e) => e.topic), ["client", "worker", "mine", "worker"]);
});

Deno.test("questions about the state are answered", () => {
  const h = new Harness();
  h.addWorker("alice", { nthreads: 2, resources: { GPU: 1 } });
  h.addWorkers(["bob"]);
  h.submit(independent(4));
  const worker = h.finish("x-0", { nbytes: 10 });
  h.finish("x-1", { nbytes: 20 });
  const { core } = h;
  assert.deepEqual(core.ncores(), { "tcp://alice:1": 2, "tcp://bob:1": 1 });
  assert.deepEqual(core.ncores(["name-of-bob"]), { "tcp://bob:1": 1 });
  assert.deepEqual(core.nbytes(), { "x-0": 10, "x-1": 20 });
  assert.deepEqual(core.nbytes(["x-1", "x-3", "unknown"]), { "x-1": 20 });
  assert.deepEqual(core.nbytes(undefined, true), { x: 30 });
  assert.deepEqual(core.whoHas(["x-0", "x-3", "unknown"]), {
    "x-0": [h.address(worker)],
    "x-3": [],
    "unknown": [],
  });
  assert.deepEqual(Object.values(core.hasWhat()).flat().sort(), ["x-0", "x-1"]);
  assert.deepEqual(Object.values(core.processing()).flat().sort(), ["x-2", "x-3"]);
  const identity = core.identity();
  assert.equal(identity.tasks, 4);
  assert.deepEqual(identity.clients, ["client"]);
  const alice = identity.workers["tcp://alice:1"];
  assert.deepEqual([alice.name, alice.nthreads, alice.resources], ["name-of-alice", 2, { GPU: 1 }]);
});
