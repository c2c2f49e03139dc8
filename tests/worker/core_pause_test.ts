/** The worker's decisions: while it is paused or held. */
import assert from "node:assert/strict";
import { A, B, C, CoreHarness } from "./core_harness.ts";

const MAKERS = { A, B, C };

Deno.test("a paused worker starts and fetches nothing, tells the scheduler, and goes on later", () => {
  const h = new CoreHarness();
  h.compute("x");
  assert.deepEqual(h.wanted(), ["execute x"]);
  h.core.pause(h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "worker-status-change", status: "paused" }]);
  h.compute("y");
  h.compute("z", { whoHas: { data: [A] }, nbytes: { data: 10 } });
  assert.equal(h.finish("x"), true, "what runs goes on");
  assert.deepEqual(h.wanted(), []);
  assert.deepEqual(h.said().map(({ op }) => op), ["task-finished"]);
  assert.equal(h.state("y"), "ready");
  h.core.unpause(h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "worker-status-change", status: "running" }]);
  assert.deepEqual(h.wanted(), [`gather ${A}: data`, "execute y"]);
});

Deno.test("only a change of the status is told", () => {
  const h = new CoreHarness();
  h.core.unpause(h.now);
  h.core.pause(h.now);
  h.core.pause(h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "worker-status-change", status: "paused" }]);
});

Deno.test("a worker that is held starts nothing either, and nobody is told", () => {
  const h = new CoreHarness();
  h.core.hold(h.now);
  h.compute("x");
  assert.deepEqual(h.wanted(), []);
  h.core.unhold(h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute x"]);
  assert.deepEqual(h.said(), []);
});

Deno.test("a running task that had left the threads is let back among them in a paused worker", () => {
  const h = new CoreHarness();
  h.compute("x");
  h.core.executeSeceded("x", 0.1, h.now);
  h.core.pause(h.now);
  h.core.executeRejoins("x", h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute x", "rejoin x"]);
});

Deno.test("a paused worker gives away what has not begun", () => {
  const h = new CoreHarness();
  h.core.pause(h.now);
  h.compute("x");
  h.said();
  h.core.stealRequest("x", 7, h.now);
  h.settle();
  assert.deepEqual(h.said(), [{ op: "steal-response", key: "x", id: 7, state: "ready" }]);
});

Deno.test("only so many bytes are on their way at once, or one piece that is larger", () => {
  const h = new CoreHarness({ maxIncomingBytes: 100 });
  for (const [name, address] of Object.entries(MAKERS)) {
    const data = `data-${name}`;
    h.core.computeTask(
      h.task(`task-${name}`, { whoHas: { [data]: [address] }, nbytes: { [data]: 70 } }),
      h.now,
    );
  }
  h.settle();
  // The second begins while there is some room; only then it is full.
  assert.deepEqual(h.wanted(), [`gather ${A}: data-A`, `gather ${B}: data-B`]);
  h.received(A, { "data-A": 70 });
  assert.deepEqual(h.wanted(), [`gather ${C}: data-C`, "execute task-A"]);
});
