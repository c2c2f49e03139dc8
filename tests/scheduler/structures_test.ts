/** The small structures that the scheduler's tables are made of, against plain models. */
import assert from "node:assert/strict";
import { EventLog } from "../../scheduler/event_log.ts";
import { emptySet, sharedSetOf, type SmallSet } from "../../scheduler/small_set.ts";
import { StealBin } from "../../scheduler/steal_bin.ts";
import { prefixName, TaskPrefixes } from "../../scheduler/task_prefix.ts";
import { TaskState } from "../../scheduler/task_state.ts";
import { isLessLoaded, WorkerHeap } from "../../scheduler/worker_heap.ts";
import { WorkerState } from "../../scheduler/worker_state.ts";
import { SeededRandom } from "../support/seeded_random.ts";

Deno.test("a small set is a set, at any size", () => {
  const random = new SeededRandom(1);
  for (const span of [2, 6, 12, 100]) {
    let set: SmallSet<number> = emptySet();
    const model = new Set<number>();
    for (let i = 0; i < 2000; i++) {
      const item = random.integer(0, span);
      if (random.chance(i % 400 < 200 ? 0.7 : 0.3)) {
        set = set.add(item);
        model.add(item);
      } else {
        set = set.delete(item);
        model.delete(item);
      }
      assert.equal(set.size, model.size);
      assert.equal(set.has(item), model.has(item));
    }
    assert.deepEqual([...set].sort((a, b) => a - b), [...model].sort((a, b) => a - b));
    for (const item of model) set = set.delete(item);
    assert.equal(set, emptySet());
  }
  assert.equal(emptySet().size, 0, "the shared set is never changed");
});

Deno.test("a set of one that many fields share is never changed", () => {
  const shared = sharedSetOf("a");
  assert.equal(shared.add("a"), shared);
  assert.deepEqual([...shared.add("b")], ["a", "b"]);
  assert.equal(shared.delete("b"), shared);
  assert.equal(shared.delete("a"), emptySet());
  assert.deepEqual([...shared], ["a"]);
});

Deno.test("a bin of stealable tasks keeps their order and knows their places", () => {
  const random = new SeededRandom(2);
  const prefix = new TaskPrefixes().of("x-1");
  const bin = new StealBin();
  let model: TaskState[] = [];
  for (let i = 0; i < 3000; i++) {
    if (random.chance(i % 600 < 300 ? 0.7 : 0.3) || model.length === 0) {
      const ts = new TaskState(`x-${i}`, prefix, null, null, i, 0, 0);
      bin.add(ts);
      model.push(ts);
    } else {
      const ts = model[random.integer(0, model.length - 1)];
      bin.remove(ts);
      model = model.filter((other) => other !== ts);
    }
    assert.equal(bin.size, model.length);
    assert.notEqual(bin.items.at(-1), null);
  }
  assert.deepEqual(
    bin.items.filter((ts) => ts !== null).map((ts) => ts.key),
    model.map((t) => t.key),
  );
});

function makeWorker(i: number, nthreads: number): WorkerState {
  return new WorkerState({
    address: `tcp://${i}`,
    name: `${i}`,
    host: "h",
    nthreads,
    resources: {},
    pid: 1,
    status: "running",
    memoryLimit: 0,
    nanny: null,
    heard: Infinity,
    now: 0,
    timeDelay: 0,
  });
}

Deno.test("the heap of workers has the least loaded one first, whatever changes", () => {
  const random = new SeededRandom(3);
  const heap = new WorkerHeap();
  const workers: WorkerState[] = [];
  for (let i = 0; i < 3000; i++) {
    if (random.chance(0.1) || workers.length === 0) {
      const ws = makeWorker(i, random.integer(1, 4));
      workers.push(ws);
      heap.add(ws);
    } else if (random.chance(0.05)) {
      for (const ws of workers) ws.occupancy = random.integer(0, 5);
      heap.rebuild();
    } else if (random.chance(0.08)) {
      heap.remove(workers.splice(random.integer(0, workers.length - 1), 1)[0]);
    } else {
      const ws = workers[random.integer(0, workers.length - 1)];
      ws.occupancy = random.integer(0, 5);
      ws.nbytes = random.integer(0, 3);
      heap.update(ws);
    }
    assert(heap.isOrdered());
    assert.equal(heap.size, workers.length);
    const least = Math.min(...workers.map((ws) => ws.occupancy / ws.nthreads));
    if (workers.length > 0) assert.equal(heap.least!.occupancy / heap.least!.nthreads, least);
  }
});

Deno.test("loads that differ by rounding only do not go round in a circle", () => {
  const loads: [occupancy: number, nthreads: number, nbytes: number][] = [
    [1.849375512715451, 2, 2],
    [2.774063269073177, 3, 0],
    [2.7740632690731766, 3, 2],
  ];
  const workers = loads.map(([occupancy, nthreads, nbytes], i) =>
    Object.assign(makeWorker(i, nthreads), { occupancy, nbytes })
  );
  for (const a of workers) {
    for (const b of workers) {
      for (const c of workers) {
        if (isLessLoaded(a, b) && isLessLoaded(b, c)) assert(isLessLoaded(a, c));
      }
    }
  }
});

Deno.test("a key's prefix is its leading words", () => {
  const cases = {
    "inc-ab31c010444977004d656610d2d421ec": "inc",
    "read-csv-0-12": "read-csv",
    "x-1": "x",
    "x": "x",
    "ab31c010444977004d656610d2d421ec": "data",
    "sum-deadbeef": "sum",
    "größe-12": "größe",
    "-": "",
    "anonymous-12ab": "anonymous",
  };
  const prefixes = new TaskPrefixes();
  for (const [key, name] of Object.entries(cases)) {
    assert.equal(prefixName(key), name);
    assert.equal(prefixes.of(key).name, name);
    assert.equal(prefixes.of(key), prefixes.of(key));
  }
  const hash = "ab31c010444977004d656610d2d421ec";
  assert.equal(prefixes.of(`inc-${hash}`), prefixes.of("inc-" + "0".repeat(32)));
  assert.notEqual(prefixes.of(`inc-${hash}`), prefixes.of(`neg-${hash}`));
});

Deno.test("the number of prefixes is bounded when every task has its own", () => {
  const prefixes = new TaskPrefixes();
  const kept = prefixes.of("kept-1");
  kept.tasks = 1;
  for (let i = 0; i < 30_000; i++) prefixes.of(`${i}x`);
  assert(prefixes.size <= 10_000);
  assert.equal(prefixes.of("kept-2"), kept);
});

Deno.test("the event log is bounded by topic and in topics, and in order", () => {
  const log = new EventLog(3);
  for (let i = 0; i < 5; i++) log.add(i % 2 ? "odd" : "even", i, i);
  assert.deepEqual(log.get("even").map((e) => e.message), [0, 2, 4]);
  for (let i = 5; i < 9; i++) log.add("odd", i, i);
  assert.deepEqual(log.get("odd").map((e) => e.message), [6, 7, 8]);
  assert.deepEqual(log.get().map((e) => e.time), [0, 2, 4, 6, 7, 8]);
  assert.deepEqual(log.get("none"), []);
  for (let i = 0; i < 2000; i++) log.add(`topic-${i}`, i, i);
  assert(log.get().length <= 1000);
});
