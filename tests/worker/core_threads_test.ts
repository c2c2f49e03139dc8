/** The worker's decisions: which tasks threads are given ahead. */
import assert from "node:assert/strict";
import { PartState } from "../../worker/code_parts.ts";
import { CODE, CoreHarness } from "./core_harness.ts";

/** A core that has learned how long a function takes. */
function taught(seconds: number, nthreads = 1): CoreHarness {
  const h = new CoreHarness({ nthreads });
  h.compute("teacher");
  h.finish("teacher", { start: 0, stop: seconds });
  h.wanted();
  h.said();
  return h;
}

Deno.test("threads are given short tasks ahead, up to a limit", () => {
  const h = taught(1e-5);
  for (let i = 0; i < 100; i++) h.core.computeTask(h.task(`x${i}`), h.now);
  h.settle();
  assert.equal(h.wanted().length, 33);
  h.finish("x0", { start: 0, stop: 1e-5 });
  assert.deepEqual(h.wanted(), ["execute x33"]);
});

Deno.test("each thread may be given a few milliseconds of work", () => {
  const h = taught(0.001, 2);
  for (let i = 0; i < 100; i++) h.core.computeTask(h.task(`x${i}`), h.now);
  h.settle();
  assert.equal(h.wanted().length, 10);
});

Deno.test("long tasks are not given ahead", () => {
  const h = taught(0.1, 2);
  for (let i = 0; i < 10; i++) h.core.computeTask(h.task(`x${i}`), h.now);
  h.settle();
  assert.equal(h.wanted().length, 2);
});

Deno.test("tasks of unknown duration are not given ahead", () => {
  const h = new CoreHarness();
  for (let i = 0; i < 10; i++) h.core.computeTask(h.task(`x${i}`), h.now);
  h.settle();
  assert.equal(h.wanted().length, 1);
});

Deno.test("the scheduler's word on a task's duration counts before the first run", () => {
  const h = new CoreHarness();
  for (let i = 0; i < 10; i++) h.core.computeTask(h.task(`x${i}`, { duration: 1e-4 }), h.now);
  h.settle();
  assert.equal(h.wanted().length, 10);
});

Deno.test("a long task takes the room of one thread only", () => {
  const h = taught(1e-4, 2);
  h.compute("long", {
    parts: { g: { code: CODE } },
    function: "g",
    duration: 10,
    priority: [-1, 0, 0],
  });
  for (let i = 0; i < 100; i++) h.core.computeTask(h.task(`x${i}`), h.now);
  h.settle();
  assert.equal(h.wanted().length, 51);
});

Deno.test("a task that takes longer than thought makes the next ones wait at once", () => {
  const h = taught(1e-5);
  h.compute("long");
  h.finish("long", { start: 0, stop: 0.2 });
  h.wanted();
  for (let i = 0; i < 10; i++) h.core.computeTask(h.task(`x${i}`), h.now);
  h.settle();
  assert.equal(h.wanted().length, 1);
});

Deno.test("quick runs let a function pass for quick again, slowly", () => {
  const fn = new PartState("f", { code: CODE }, []);
  fn.learn(0.2);
  fn.learn(NaN);
  assert.equal(fn.duration, 0.2);
  for (let i = 0; i < 30; i++) fn.learn(1e-5);
  assert(fn.duration < 1e-3 && fn.duration > 1e-5);
});

Deno.test("tasks with resources are never given ahead", () => {
  const h = new CoreHarness({ resources: { GPU: 10 } });
  for (let i = 0; i < 5; i++) {
    h.core.computeTask(h.task(`x${i}`, { duration: 1e-5, resources: { GPU: 1 } }), h.now);
  }
  h.settle();
  assert.equal(h.wanted().length, 1);
});

Deno.test("a task waits in constrained until its resources are free", () => {
  const h = new CoreHarness({ nthreads: 4, resources: { GPU: 2 } });
  for (const key of ["a", "b", "c"]) h.compute(key, { resources: { GPU: 1 } });
  assert.deepEqual(h.wanted(), ["execute a", "execute b"]);
  assert.equal(h.state("c"), "constrained");
  assert.equal(h.core.machine.queue.resources.available.GPU, 0);
  h.finish("a");
  assert.deepEqual(h.wanted(), ["execute c"]);
  h.finish("b");
  h.finish("c");
  assert.equal(h.core.machine.queue.resources.available.GPU, 2);
});

Deno.test("a task that lacks a resource does not keep the threads from others", () => {
  const h = new CoreHarness({ nthreads: 2, resources: { GPU: 1, DISK: 1 } });
  h.compute("gpu", { resources: { GPU: 1 } });
  h.compute("gpu too", { resources: { GPU: 1 } });
  h.compute("disk", { resources: { DISK: 1 } });
  assert.deepEqual(h.wanted(), ["execute gpu", "execute disk"]);
  h.finish("disk");
  h.compute("plain");
  assert.deepEqual(h.wanted(), ["execute plain"]);
});

Deno.test("a task that needs much is not starved by later ones that need little", () => {
  const h = new CoreHarness({ nthreads: 3, resources: { GPU: 2 } });
  h.compute("small 1", { resources: { GPU: 1 } });
  h.compute("big", { resources: { GPU: 2 } });
  h.compute("small 2", { resources: { GPU: 1 } });
  assert.deepEqual(h.wanted(), ["execute small 1"]);
  h.finish("small 1");
  assert.deepEqual(h.wanted(), ["execute big"]);
  h.finish("big");
  assert.deepEqual(h.wanted(), ["execute small 2"]);
});

Deno.test("a task that needs more than there is does not hold up the others", () => {
  const h = new CoreHarness({ nthreads: 2, resources: { GPU: 1 } });
  h.compute("impossible", { resources: { GPU: 5 } });
  h.compute("possible", { resources: { GPU: 1 } });
  assert.deepEqual(h.wanted(), ["execute possible"]);
});

Deno.test("the more urgent goes first, with resources or without", () => {
  const h = new CoreHarness({ resources: { GPU: 1 } });
  h.compute("running");
  h.compute("plain", { priority: [0, 0, 50] });
  h.compute("gpu", { priority: [0, 0, 40], resources: { GPU: 1 } });
  h.compute("first", { priority: [0, 0, 30] });
  h.wanted();
  h.finish("running");
  h.finish("first");
  h.finish("gpu");
  assert.deepEqual(h.wanted(), ["execute first", "execute gpu", "execute plain"]);
});

Deno.test("resources are free again only when a cancelled task is over", () => {
  const h = new CoreHarness({ nthreads: 2, resources: { GPU: 1 } });
  h.compute("a", { resources: { GPU: 1 } });
  h.compute("b", { resources: { GPU: 1 } });
  h.core.cancelCompute(["a"], h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute a", "cancel a"]);
  h.core.executeCancelled("a", h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute b"]);
});

Deno.test("fractions of a resource add up", () => {
  const h = new CoreHarness({ nthreads: 20, resources: { MEMORY: 1 } });
  for (let i = 0; i < 11; i++) h.compute(`x${i}`, { resources: { MEMORY: 0.1 } });
  assert.equal(h.wanted().length, 10);
  for (let i = 0; i < 10; i++) h.finish(`x${i}`);
  h.finish("x10");
  h.compute("all", { resources: { MEMORY: 1 } });
  assert(h.wanted().includes("execute all"));
});
