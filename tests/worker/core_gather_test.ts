/** The worker's decisions: fetching dependencies. */
import assert from "node:assert/strict";
import { A, B, C, CoreHarness, randomFrom, SELF } from "./core_harness.ts";

Deno.test("a dependency is fetched, reported, and kept; its task then runs", () => {
  const h = new CoreHarness();
  h.now = 1;
  h.compute("y", { whoHas: { x: [A] }, nbytes: { x: 100 } });
  assert.deepEqual(h.actions, [{ type: "gather", worker: A, keys: ["x"], nbytes: 100 }]);
  assert.equal(h.state("y"), "waiting");
  assert.equal(h.data("x"), "flight");
  h.wanted();
  h.now = 3;
  h.received(A, { x: 120 });
  assert.deepEqual(h.said(), [{ op: "add-keys", keys: ["x"] }]);
  assert.deepEqual(h.wanted(), ["execute y"]);
  h.now = 4;
  h.finish("y");
  const [finished] = h.said();
  assert(finished.op === "task-finished");
  assert.equal(finished.transferStart, 1);
  assert.equal(finished.transferStop, 3);
  assert.deepEqual(h.core.heldNbytes(), { x: 120, y: 8 });
  assert.equal(h.core.machine.gathering.peers.size, 0, "no peer is remembered for nothing");
});

Deno.test("what is needed from one peer comes in one gather, the most urgent first", () => {
  const h = new CoreHarness();
  h.core.computeTask(h.task("y1", { whoHas: { x1: [A] }, priority: [0, 0, 2] }), 0);
  h.core.computeTask(h.task("y2", { whoHas: { x2: [A] }, priority: [0, 0, 1] }), 0);
  h.core.computeTask(h.task("y3", { whoHas: { x3: [A] }, priority: [0, 0, 3] }), 0);
  h.settle();
  assert.deepEqual(h.wanted(), [`gather ${A}: x2 x1 x3`]);
});

Deno.test("a gather stays below the byte limit, but takes at least one piece", () => {
  const h = new CoreHarness({ maxGatherBytes: 100 });
  const nbytes = { a: 500, b: 60, c: 30, d: 20 };
  h.compute("y", { whoHas: { a: [A], b: [A], c: [A], d: [A] }, nbytes });
  assert.deepEqual(h.wanted(), [`gather ${A}: a`]);
  h.received(A, { a: 500 });
  const [next] = h.wanted();
  assert.equal(next.split(": ")[1].split(" ").length, 2);
});

Deno.test("a gather stays below the limit of keys", () => {
  const h = new CoreHarness({ maxGatherKeys: 2 });
  h.compute("y", { whoHas: { a: [A], b: [A], c: [A] } });
  assert.equal(h.wanted()[0].split(": ")[1].split(" ").length, 2);
});

Deno.test("one gather at a time from a peer", () => {
  const h = new CoreHarness();
  h.compute("y", { whoHas: { a: [A] } });
  h.compute("z", { whoHas: { b: [A] } });
  assert.deepEqual(h.wanted(), [`gather ${A}: a`]);
  h.received(A, { a: 1 });
  assert.deepEqual(h.wanted(), [`gather ${A}: b`, "execute y"]);
});

Deno.test("no more gathers at once than there may be connections", () => {
  const h = new CoreHarness({ totalConnections: 2 });
  h.compute("y", { whoHas: { a: [A], b: [B], c: [C] } });
  assert.equal(h.wanted().length, 2);
  assert.equal(h.core.machine.gathering.active, 2);
  const [first] = h.core.machine.gathering.peers.values();
  h.received(first.address, { [first.inFlight![0].key]: 1 });
  assert.equal(h.wanted().length, 1);
});

Deno.test("data is fetched from a random holder", () => {
  const seen = new Set<string>();
  const random = randomFrom(42);
  for (let i = 0; i < 50; i++) {
    const h = new CoreHarness({ random });
    h.compute("y", { whoHas: { x: [A, B, C] } });
    seen.add(h.wanted()[0]);
  }
  assert.equal(seen.size, 3);
});

Deno.test("data is fetched from an idle holder while the other is at it", () => {
  const h = new CoreHarness();
  h.compute("y", { whoHas: { a: [A] } });
  h.compute("z", { whoHas: { b: [A, B] } });
  assert.deepEqual(h.wanted(), [`gather ${A}: a`, `gather ${B}: b`]);
});

Deno.test("what two tasks need is fetched once", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.compute("y", { whoHas: { x: [A] } });
  h.compute("z", { whoHas: { x: [A] } });
  assert.deepEqual(h.wanted(), [`gather ${A}: x`]);
  h.received(A, { x: 1 });
  assert.deepEqual(h.wanted(), ["execute y", "execute z"]);
});

Deno.test("data that becomes more urgent is fetched sooner", () => {
  const h = new CoreHarness({ maxGatherKeys: 1 });
  h.compute("first", { whoHas: { w: [A] } });
  h.compute("y", { whoHas: { a: [A] }, priority: [0, 0, 10] });
  h.compute("z", { whoHas: { b: [A] }, priority: [0, 0, 20] });
  h.compute("urgent", { whoHas: { b: [A] }, priority: [0, 0, 5] });
  h.wanted();
  h.received(A, { w: 1 });
  assert.deepEqual(h.wanted()[0], `gather ${A}: b`);
});

Deno.test("when a peer fails, another holder is asked", () => {
  const h = new CoreHarness({ random: () => 0 });
  h.compute("y", { whoHas: { x: [A, B] } });
  assert.deepEqual(h.wanted(), [`gather ${A}: x`]);
  h.core.gatherFailed(A, h.now);
  h.settle();
  assert.deepEqual(h.wanted(), [`gather ${B}: x`]);
  assert.equal(h.core.suspicious.get("x"), 1);
  h.received(B, { x: 1 });
  assert.equal(h.core.suspicious.size, 0);
  assert.deepEqual(h.wanted(), ["execute y"]);
});

Deno.test("when a peer does not have it, another holder is asked; the rest is kept", () => {
  const h = new CoreHarness({ random: () => 0 });
  h.compute("y", { whoHas: { x: [A, B], z: [A] } });
  h.wanted();
  h.received(A, { z: 1 });
  assert.deepEqual(h.said(), [{ op: "add-keys", keys: ["z"] }]);
  assert.deepEqual(h.wanted(), [`gather ${B}: x`]);
});

Deno.test("when no holder is left, the task is given up and the scheduler told where it was not", () => {
  const h = new CoreHarness({ random: () => 0 });
  h.compute("y", { whoHas: { x: [A, B], z: [A] } });
  h.received(A, { z: 1 });
  h.core.gatherFailed(B, h.now);
  h.settle();
  assert.deepEqual(h.said(), [
    { op: "add-keys", keys: ["z"] },
    { op: "missing-data", key: "y", missing: { x: [A, B] } },
  ]);
  assert.equal(h.state("y"), undefined);
  assert.equal(h.data("x"), undefined);
  assert(h.core.holds("z"), "what has come is kept");
});

Deno.test("each task that needs a lost piece is given up", () => {
  const h = new CoreHarness();
  h.compute("y", { whoHas: { x: [A] } });
  h.compute("z", { whoHas: { x: [A] } });
  h.compute("w", { whoHas: { v: [B] } });
  h.received(A, {});
  assert.deepEqual(h.said(), [
    { op: "missing-data", key: "y", missing: { x: [A] } },
    { op: "missing-data", key: "z", missing: { x: [A] } },
  ]);
  assert.equal(h.state("w"), "waiting");
});

Deno.test("all that is wanted from a peer that fails is sought elsewhere, or given up", () => {
  const h = new CoreHarness({ maxGatherKeys: 1, random: () => 0, totalConnections: 1 });
  h.compute("y", { whoHas: { a: [A] } });
  h.compute("z", { whoHas: { b: [A] } });
  h.compute("w", { whoHas: { c: [A, B] } });
  assert.deepEqual(h.wanted(), [`gather ${A}: a`]);
  h.core.gatherFailed(A, h.now);
  h.settle();
  assert.deepEqual(h.said().map((message) => message.op), ["missing-data", "missing-data"]);
  assert.deepEqual(h.wanted(), [`gather ${B}: c`]);
});

Deno.test("a dependency that nobody holds is reported at once", () => {
  const h = new CoreHarness();
  h.compute("y", { whoHas: { x: [] } });
  assert.deepEqual(h.said(), [{ op: "missing-data", key: "y", missing: { x: [SELF] } }]);
  h.compute("z", { whoHas: { x: [SELF] } });
  assert.deepEqual(h.said(), [{ op: "missing-data", key: "z", missing: { x: [SELF] } }]);
  assert.equal(h.core.machine.tasks.size, 0);
});

Deno.test("a busy peer is asked again after a rest that grows", () => {
  const h = new CoreHarness({ random: () => 0.5 });
  h.compute("y", { whoHas: { x: [A] } });
  let last = 0;
  for (let i = 0; i < 12; i++) {
    h.wanted();
    h.core.gatherBusy(A, h.now);
    h.settle();
    const [rest] = h.actions;
    assert(rest.type === "rest" && rest.worker === A);
    assert(rest.seconds >= last && rest.seconds <= 1);
    last = rest.seconds;
    assert.deepEqual(h.wanted(), [`rest ${A}`]);
    h.core.peerRested(A, h.now);
    h.settle();
  }
  assert.deepEqual(h.wanted(), [`gather ${A}: x`]);
  h.received(A, { x: 1 });
  assert.deepEqual(h.wanted(), ["execute y"]);
});

Deno.test("while a peer rests, another holder is asked", () => {
  const h = new CoreHarness({ random: () => 0 });
  h.compute("y", { whoHas: { x: [A, B] } });
  h.core.gatherBusy(A, h.now);
  h.settle();
  assert.deepEqual(h.wanted(), [`gather ${A}: x`, `rest ${A}`, `gather ${B}: x`]);
  h.received(B, { x: 1 });
  h.core.peerRested(A, h.now);
  h.settle();
  assert.equal(h.core.machine.gathering.peers.size, 0);
});

Deno.test("data that arrives when nobody needs it any more is not kept", () => {
  const h = new CoreHarness();
  h.compute("y", { whoHas: { x: [A] } });
  h.core.cancelCompute(["y"], h.now);
  h.settle();
  h.received(A, { x: 1 });
  assert(!h.core.holds("x"));
  assert.deepEqual(h.said(), []);
  assert.equal(h.core.machine.tasks.size, 0);
});

Deno.test("data on its way is used when it is needed again before it arrives", () => {
  const h = new CoreHarness();
  h.compute("y", { whoHas: { x: [A] } });
  h.core.cancelCompute(["y"], h.now);
  h.compute("z", { whoHas: { x: [A] } });
  assert.deepEqual(h.wanted(), [`gather ${A}: x`]);
  h.received(A, { x: 1 });
  assert.deepEqual(h.wanted(), ["execute z"]);
});

Deno.test("data on its way is fetched anew when it is said to be elsewhere by now", () => {
  const h = new CoreHarness();
  h.compute("y", { whoHas: { x: [A] } });
  h.core.cancelCompute(["y"], h.now);
  h.compute("z", { whoHas: { x: [B] } });
  h.wanted();
  h.received(A, { x: 1 });
  assert.deepEqual(h.wanted(), [`gather ${B}: x`]);
});

Deno.test("what is to be computed here is not fetched, and serves those that wait for it", () => {
  const h = new CoreHarness({ totalConnections: 1 });
  h.compute("other", { whoHas: { o: [B] } });
  h.compute("y", { whoHas: { x: [A] } });
  h.wanted();
  h.compute("x");
  assert.deepEqual(h.wanted(), ["execute x"]);
  h.finish("x");
  assert.deepEqual(h.wanted(), ["execute y"]);
});

Deno.test("when a computation that others here wait for is cancelled, they are given up", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.compute("y", { whoHas: { x: [SELF] } });
  h.core.cancelCompute(["x"], h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "missing-data", key: "y", missing: { x: [SELF] } }]);
});

Deno.test("answers of unknown peers are ignored", () => {
  const h = new CoreHarness();
  h.received(A, { x: 1 });
  h.core.gatherFailed(A, h.now);
  h.core.gatherBusy(A, h.now);
  h.core.peerRested(A, h.now);
  h.settle();
  assert.equal(h.core.machine.tasks.size, 0);
  assert.deepEqual(h.said(), []);
});

Deno.test("a holder named twice counts once", () => {
  const h = new CoreHarness();
  h.compute("y", { whoHas: { x: [A, A] } });
  h.received(A, {});
  assert.deepEqual(h.said(), [{ op: "missing-data", key: "y", missing: { x: [A] } }]);
});

Deno.test("a task that waits keeps nothing of what it needs but where to find it", () => {
  const h = new CoreHarness();
  const more = { whoHas: { x: [A] }, nbytes: { x: 8 }, dependencyNeeds: { x: ["f"] } };
  h.compute("t", { ...more, generations: 0 });
  const task = h.core.machine.tasks.get("t")!;
  const { whoHas, nbytes, dependencyNeeds, generations } = task.run!;
  assert.deepEqual([whoHas, nbytes, dependencyNeeds, generations], Array(4).fill(undefined));
  assert.deepEqual(task.dependencies!.map(({ key }) => key), ["x"]);
});
