/** One key, and one task after the other: what the worker has of an older one is not taken for the newer's. */
import assert from "node:assert/strict";
import type { Priority } from "../../protocol/messages.ts";
import { A, B, CoreHarness, SELF } from "./core_harness.ts";

/** What a task of a generation is asked for with. */
function of(generation: number): { priority: Priority } {
  return { priority: [0, generation, 0] };
}

Deno.test("a result of an older task of the same key is dropped, and the task runs", () => {
  const h = new CoreHarness();
  h.compute("x", of(1));
  h.finish("x");
  assert.deepEqual(h.said().map((m) => m.op), ["heard", "task-finished"]);
  h.core.cancelCompute(["x"], h.now);
  h.wanted();
  h.compute("x", of(2));
  assert.deepEqual(h.wanted(), ["drop x", "execute x"]);
  assert.deepEqual(h.said(), []);
  h.finish("x");
  assert.deepEqual(h.said().map((m) => m.op), ["heard", "task-finished"]);
  h.compute("x", of(2));
  assert.deepEqual(h.said().map((m) => m.op), ["task-finished"], "asked again for the same task");
  assert.deepEqual(h.wanted(), []);
});

Deno.test("a run of an older task of the same key is stopped", () => {
  const h = new CoreHarness();
  h.compute("x", of(1));
  h.wanted();
  h.compute("x", of(2));
  assert.deepEqual(h.wanted(), ["cancel x"]);
  assert.equal(h.finish("x"), false);
  assert.deepEqual(h.wanted(), ["execute x"]);
});

Deno.test("what was said before newer tasks were heard of is sent before the word of them", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.compute("x", of(1));
  h.core.executeFinished("x", 8, "number", undefined, 0, 1, 0, h.now);
  h.core.computeTask(h.task("y", of(2)), h.now);
  h.core.executeFinished("unknown", 8, "number", undefined, 0, 1, 0, h.now);
  h.settle();
  assert.deepEqual(
    h.said().map((m) => m.op === "heard" ? m.generation : m.op),
    [1, "task-finished", 2],
  );
  h.compute("z", of(1));
  h.finish("y");
  assert.deepEqual(h.said().map((m) => m.op), ["task-finished"], "nothing is newer");
});

Deno.test("data of an older task is fetched anew, unless the scheduler knows it to be here", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.compute("x", of(1));
  h.finish("x");
  h.wanted();
  h.compute("t", { ...of(2), whoHas: { x: [A, SELF] }, since: 2 });
  assert.deepEqual(h.wanted(), ["execute t"]);
  h.finish("t");
  h.compute("u", { ...of(3), whoHas: { x: [A] }, since: 1 });
  assert.deepEqual(h.wanted(), ["execute u"], "it has not been told of yet");
  h.finish("u");
  h.compute("v", { ...of(3), whoHas: { x: [A] }, since: 2 });
  assert.deepEqual(h.wanted(), ["drop x", `gather ${A}: x`]);
  h.received(A, { x: 8 });
  assert.deepEqual(h.wanted(), ["execute v"]);
  h.finish("v");
  h.compute("w", { ...of(4), whoHas: { x: [A] }, since: 3 });
  assert.deepEqual(h.wanted(), ["execute w"], "it came after the third was heard of");
});

Deno.test("a copy of an older task's result is fetched anew, and answered for", () => {
  const h = new CoreHarness();
  h.compute("x", of(1));
  h.finish("x");
  h.wanted();
  h.said();
  h.core.acquireReplicas({ x: [A] }, { x: 8 }, 2, undefined, h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["drop x", `gather ${A}: x`]);
  h.received(A, { x: 8 });
  assert.deepEqual(h.said(), [{ op: "heard", generation: 2 }, { op: "add-keys", keys: ["x"] }]);
});

Deno.test("what is on its way for an older task is not used, whoever it comes from", () => {
  for (const asCopy of [false, true]) {
    const h = new CoreHarness();
    h.compute("t", { ...of(2), whoHas: { x: [A] }, since: 1 });
    assert.deepEqual(h.wanted(), [`gather ${A}: x`]);
    h.core.cancelCompute(["t"], h.now);
    if (asCopy) h.core.acquireReplicas({ x: [A, B] }, { x: 8 }, 3, undefined, h.now);
    else h.compute("u", { ...of(4), whoHas: { x: [A, B] }, since: 3 });
    h.received(A, { x: 8 });
    const [again] = h.wanted();
    assert.match(again, /^gather .*: x$/);
    h.received(again.includes(A) ? A : B, { x: 8 });
    assert.equal(h.data("x"), "memory");
  }
});

Deno.test("data from a client is of no generation", () => {
  const h = new CoreHarness();
  h.core.putData({ x: 8 }, h.now);
  h.compute("t", { ...of(2), whoHas: { x: [A] }, since: 2 });
  assert.deepEqual(h.wanted(), ["execute t"]);
  assert.deepEqual(h.core.generations(), { heard: 2, generations: {} });
});

Deno.test("a scheduler that begins anew is believed in what runs and what is here", () => {
  const h = new CoreHarness({ nthreads: 2 });
  for (const key of ["x", "y"]) h.compute(key, of(5));
  h.finish("x");
  assert.deepEqual(h.core.generations(), { heard: 5, generations: { x: 5 } });
  h.core.schedulerLost(h.now);
  h.core.schedulerReplaced(h.now);
  h.settle();
  assert.deepEqual(h.core.generations(), {});
  h.wanted();
  h.said();
  for (const key of ["x", "y"]) h.compute(key, of(7));
  h.finish("y");
  assert.deepEqual(h.wanted(), []);
  assert.deepEqual(h.said().map((m) => m.op), ["heard", "task-finished", "task-finished"]);
  h.compute("z", of(2));
  assert.equal(h.core.generations().heard, 7);
});

Deno.test("the same scheduler is believed in what is newer only", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.compute("x", of(5));
  h.finish("x");
  h.core.schedulerLost(h.now);
  h.settle();
  h.wanted();
  h.compute("x", of(7));
  assert.deepEqual(h.wanted(), ["drop x", "execute x"]);
});
