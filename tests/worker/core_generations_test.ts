/** One key, and one task after the other: what the worker has of an older one is not taken for the newer's. */
import assert from "node:assert/strict";
import type { Priority } from "../../protocol/messages.ts";
import { A, B, CODE, CoreHarness } from "./core_harness.ts";

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

Deno.test("data of an older task is fetched anew; of the one that is meant it is used", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.compute("x", of(1));
  h.finish("x");
  h.wanted();
  h.compute("t", { ...of(3), whoHas: { x: [A] }, generations: 1 });
  assert.deepEqual(h.wanted(), ["execute t"]);
  h.finish("t");
  h.compute("u", { ...of(4), whoHas: { x: [A] }, generations: { x: 3 } });
  assert.deepEqual(h.wanted(), ["drop x", `gather ${A}: x`]);
  h.received(A, { x: 8 });
  assert.deepEqual(h.wanted(), ["execute u"]);
  h.finish("u");
  h.compute("v", { ...of(4), whoHas: { x: [A] }, generations: 4 });
  assert.deepEqual(h.wanted(), ["execute v"], "it was fetched after the fourth was heard of");
});

Deno.test("a task does not wait for the run of an older task under the key that it needs", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.compute("x", of(1));
  h.wanted();
  h.compute("t", { ...of(3), whoHas: { x: [A] }, generations: 2 });
  assert.deepEqual(h.wanted().sort(), ["cancel x", `gather ${A}: x`]);
  assert.equal(h.finish("x"), false);
  h.received(A, { x: 8 });
  assert.deepEqual(h.wanted(), ["execute t"]);
});

Deno.test("data that has come for one task serves another that needs newer data, too", () => {
  const h = new CoreHarness();
  h.compute("busy", of(1));
  h.compute("t", { ...of(3), whoHas: { d: [A] }, generations: 2 });
  h.wanted();
  h.received(A, { d: 8 });
  h.said();
  h.compute("u", { ...of(5), whoHas: { d: [A], p: [A] }, generations: { d: 2, p: 4 } });
  assert.deepEqual([h.wanted(), h.said()], [[`gather ${A}: p`], []]);
  assert.equal(h.state("t"), "ready");
});

Deno.test("a copy of an older task's result is fetched anew, and answered for", () => {
  const h = new CoreHarness();
  for (const key of ["x", "y"]) {
    h.compute(key, of(1));
    h.finish(key);
  }
  h.wanted();
  h.said();
  const whoHas = { x: [A], y: [A] };
  h.core.acquireReplicas(whoHas, { x: 8, y: 8 }, { x: 2, y: 1 }, undefined, h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["drop x", `gather ${A}: x`]);
  h.received(A, { x: 8 });
  const answers = [{ op: "add-keys", keys: ["y"] }, { op: "add-keys", keys: ["x"] }];
  assert.deepEqual(h.said(), [{ op: "heard", generation: 2 }, ...answers]);
});

Deno.test("a copy that is called off is not fetched, and not kept when it is on its way", () => {
  const h = new CoreHarness({ totalConnections: 1 });
  h.core.acquireReplicas({ x: [A], y: [B] }, { x: 8, y: 8 }, 1, undefined, h.now);
  h.settle();
  assert.equal(h.wanted().length, 1);
  h.core.cancelCompute(["x", "y"], h.now);
  h.received(A, { x: 8 });
  h.received(B, { y: 8 });
  assert.deepEqual([h.said(), h.core.heldNbytes()], [[], {}]);
  assert.equal(h.core.machine.tasks.size, 0);
});

Deno.test("what is on its way for an older task is not used, whoever it comes from", () => {
  for (const asCopy of [false, true]) {
    const h = new CoreHarness();
    h.compute("t", { ...of(2), whoHas: { x: [A] }, generations: 1 });
    assert.deepEqual(h.wanted(), [`gather ${A}: x`]);
    h.core.cancelCompute(["t"], h.now);
    if (asCopy) h.core.acquireReplicas({ x: [A, B] }, { x: 8 }, 3, undefined, h.now);
    else h.compute("u", { ...of(4), whoHas: { x: [A, B] }, generations: 3 });
    h.received(A, { x: 8 });
    const [again] = h.wanted();
    assert.match(again, /^gather .*: x$/);
    h.received(again.includes(A) ? A : B, { x: 8 });
    assert.equal(h.data("x"), "memory");
  }
});

Deno.test("what is to be freed of older tasks does not take newer data along", () => {
  const h = new CoreHarness();
  h.compute("x", of(2));
  h.finish("x");
  h.wanted();
  h.core.freeKeys(["x", "unknown"], h.now, 2);
  h.settle();
  assert.equal(h.data("x"), "memory");
  h.core.freeKeys(["x"], h.now, 3);
  h.settle();
  assert.deepEqual(h.wanted(), ["drop x"]);
});

Deno.test("a run from before a broken line says which task it is of, until that is asked for again", () => {
  const h = new CoreHarness({ nthreads: 4 });
  for (const key of ["x", "y", "z"]) h.compute(key, of(1));
  h.core.schedulerLost(h.now);
  h.settle();
  h.compute("e", of(3));
  h.compute("z", of(1));
  h.said();
  h.finish("x");
  const error = [CODE, "", 0, 1, 0, h.now] as const;
  h.core.executeErred("y", ...error);
  h.finish("z");
  const told = h.said().flatMap((m) => "key" in m && "generation" in m ? [m.generation] : []);
  assert.deepEqual(told, [1, 1]);
});

Deno.test("data that a client has put here is not taken for older", () => {
  const h = new CoreHarness();
  h.core.putData({ x: 8 }, h.now);
  h.compute("t", { ...of(2), whoHas: { x: [A] }, generations: 2 });
  assert.deepEqual(h.wanted(), ["execute t"]);
  assert.deepEqual(h.core.generations(), { heard: 2, generations: {} });
});

Deno.test("a scheduler that begins anew is believed in what runs and what is here, once", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.compute("x", of(5));
  h.finish("x");
  assert.deepEqual(h.core.generations(), { heard: 5, generations: { x: 5 } });
  h.said();
  // It has been told of this one, and has not said so.
  h.compute("y", of(6));
  h.core.schedulerLost(h.now);
  h.core.schedulerReplaced(h.now);
  assert.deepEqual(h.core.generations(), {});
  h.core.pause(h.now);
  h.settle();
  assert.deepEqual(h.said().map((m) => m.op), ["worker-status-change"]);
  h.core.unpause(h.now);
  h.settle();
  h.wanted();
  h.said();
  for (const key of ["x", "y"]) h.compute(key, of(1));
  h.finish("y");
  assert.deepEqual(h.wanted(), []);
  assert.deepEqual(h.said().map((m) => m.op), ["heard", "task-finished", "task-finished"]);
  h.compute("x", of(2));
  assert.deepEqual(h.wanted(), ["drop x", "execute x"]);
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
