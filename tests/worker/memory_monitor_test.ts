/** What a worker does as its memory gets short. */
import assert from "node:assert/strict";
import { MemoryMonitor } from "../../worker/memory_monitor.ts";
import { ResultStore } from "../../worker/store.ts";
import { LogLines } from "../comm/pair.ts";
import { until } from "../support/until.ts";

const LIMIT = 1000;

/** A monitor of a process whose memory the test sets. */
function watched(more: { pause?: number; collected?: number } = {}) {
  const store = new ResultStore();
  const said: string[] = [];
  const process = {
    resident: 100,
    looks: 0,
    inThreads: 0,
    isBusy: false,
    threadsMayHave: Infinity,
  };
  const monitor = new MemoryMonitor({
    limit: LIMIT,
    target: 0.6,
    pause: more.pause ?? 0.8,
    store,
    stuckSeconds: 0.3,
    resident: () => {
      process.looks++;
      return process.resident;
    },
    bytesInThreads: () => process.inThreads,
    mostInThreads: 250,
    limitThreads: (bytes) => process.threadsMayHave = bytes,
    isBusy: () => process.isBusy,
    saveMemory: (isShort) => said.push(isShort ? "short" : "enough"),
    collectGarbage: () => {
      said.push("collect");
      if (more.collected !== undefined) process.resident = more.collected;
    },
    onHold: (isHeld) => said.push(isHeld ? "hold" : "unhold"),
    onPause: (isPaused) => said.push(isPaused ? "pause" : "go on"),
  });
  return { store, monitor, process, said, [Symbol.dispose]: () => monitor.close() };
}

Deno.test("results may have their part of the limit, less when other things take much", () => {
  using world = watched();
  const { monitor, store, process } = world;
  process.resident = 50;
  monitor.look();
  assert.equal(store.target, 600);
  process.resident = 250;
  monitor.look();
  assert.equal(Math.round(store.target), 400);
  process.inThreads = 100;
  monitor.look();
  assert.equal(Math.round(store.target), 300);
  process.resident = 900;
  monitor.look();
  assert.equal(store.target, 0);
});

Deno.test("where the process is not looked at, results have their part", () => {
  using world = watched({ pause: 0 });
  const { monitor, store, process, said } = world;
  process.resident = 5000;
  monitor.look();
  assert.equal(store.target, 600);
  assert.deepEqual(said, []);
});

Deno.test("tasks with data begin as long as there is room for it and for what they give", () => {
  using world = watched();
  const { monitor, process } = world;
  monitor.look();
  assert.equal(process.threadsMayHave, 250);
  process.resident = 600;
  process.inThreads = 80;
  monitor.look();
  assert.equal(process.threadsMayHave, 180);
  process.resident = 990;
  monitor.look();
  assert.equal(process.threadsMayHave, 80);
});

Deno.test("threads are told when memory gets short, and when it is not any more", () => {
  using world = watched();
  const { monitor, process, said } = world;
  process.resident = 600;
  monitor.look();
  monitor.look();
  process.resident = 400;
  monitor.look();
  assert.deepEqual(said, ["short", "enough"]);
});

Deno.test("what collecting garbage frees is no reason to hold tasks back", () => {
  using world = watched({ collected: 500 });
  const { monitor, process, said } = world;
  process.resident = 850;
  monitor.start();
  assert.deepEqual(said, ["short", "collect"]);
});

Deno.test("a worker pauses when nothing helps, and goes on once there is clearly more room", async () => {
  using world = watched();
  const { monitor, process, said } = world;
  process.resident = 850;
  monitor.start();
  assert(said.includes("hold") && !said.includes("pause"), "at first tasks are only held back");
  await until("the pause", () => monitor.isPaused);
  process.resident = 780;
  monitor.look();
  assert(monitor.isPaused, "not for every little thing");
  assert.equal(said.at(-1), "unhold");
  process.resident = 700;
  monitor.look();
  assert(!monitor.isPaused);
  assert.equal(said.at(-1), "go on");
});

Deno.test("what comes in is looked at before long", () => {
  using world = watched();
  const { monitor, process, said } = world;
  process.resident = 900;
  monitor.added(1000);
  assert.equal(said.length, 0);
  monitor.added(2 ** 20);
  assert(said.includes("hold"));
});

Deno.test("what comes in while the worker closes is not looked at any more", () => {
  using world = watched();
  const { monitor, process, said } = world;
  monitor.start();
  monitor.close();
  process.resident = 900;
  monitor.added(2 ** 20);
  assert.deepEqual(said, []);
});

Deno.test("a paused worker goes on with little room when nothing runs that would make more", async () => {
  using world = watched();
  const { monitor, process, said } = world;
  process.resident = 850;
  process.isBusy = true;
  monitor.start();
  await until("the pause", () => monitor.isPaused);
  process.resident = 780;
  process.looks = 0;
  await until("many looks", () => process.looks > 8);
  assert(monitor.isPaused, "what runs may make more room");
  process.isBusy = false;
  await until("it to go on", () => !monitor.isPaused);
  assert.equal(said.at(-1), "go on");
});

Deno.test("a paused worker collects garbage until there is clearly more room", async () => {
  using world = watched();
  const { monitor, process, said } = world;
  process.resident = 850;
  process.isBusy = true;
  monitor.start();
  await until("the pause", () => monitor.isPaused);
  process.resident = 780;
  said.length = 0;
  await until("a collection", () => said.includes("collect"));
});

Deno.test("a paused worker that can free nothing says so once, with the figures", async () => {
  using log = new LogLines();
  using world = watched();
  const { monitor, process } = world;
  process.resident = 850;
  process.isBusy = true;
  monitor.start();
  await log.waitFor("The worker pauses");
  process.isBusy = false;
  const line = await log.waitFor("nothing left that could be freed");
  assert.match(line, /the process has 0 MB of its limit of 0 MB, of which results 0 MB/);
  const { looks } = process;
  await until("further looks", () => process.looks > looks + 5);
  assert.equal(log.lines.filter((line) => line.includes("could be freed")).length, 1);
});
