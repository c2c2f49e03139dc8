/** Copies that the scheduler wants on a worker: fetched, answered for, and given up. */
import assert from "node:assert/strict";
import type { SchedulerToWorker } from "../../protocol/messages.ts";
import { MalformedMessageError, takeSchedulerMessage } from "../../worker/stream_messages.ts";
import { A, B, CoreHarness } from "./core_harness.ts";

function acquire(h: CoreHarness, whoHas: Record<string, string[]>): void {
  const nbytes = Object.fromEntries(Object.keys(whoHas).map((key) => [key, 10]));
  h.core.acquireReplicas(whoHas, nbytes, 0, undefined, h.now);
  h.settle();
}

Deno.test("copies are fetched, and answered for together", () => {
  const h = new CoreHarness();
  acquire(h, { x: [A], y: [A] });
  assert.deepEqual(h.wanted(), [`gather ${A}: x y`]);
  h.received(A, { x: 10, y: 10 });
  assert.deepEqual(h.said(), [{ op: "add-keys", keys: ["x", "y"] }]);
  assert.deepEqual(h.core.heldNbytes(), { x: 10, y: 10 });
});

Deno.test("a copy is sought from each holder before it is refused", () => {
  const h = new CoreHarness();
  acquire(h, { x: [A, B] });
  const [first] = h.wanted();
  const worker = first.includes(A) ? A : B;
  h.core.gatherFailed(worker, h.now);
  h.settle();
  const other = worker === A ? B : A;
  assert.deepEqual(h.wanted(), [`gather ${other}: x`]);
  h.received(other, {});
  assert.deepEqual(h.said(), [{ op: "release-keys", keys: ["x"] }]);
  assert.equal(h.data("x"), undefined, "it is forgotten");
});

Deno.test("what is here already, or nobody holds, is answered at once", () => {
  const h = new CoreHarness();
  h.core.putData({ x: 10 }, h.now);
  acquire(h, { x: [A], y: [] });
  assert.deepEqual(h.said(), [
    { op: "add-keys", keys: ["x"] },
    { op: "release-keys", keys: ["y"] },
  ]);
});

Deno.test("what tasks wait for is fetched before copies, and a copy serves tasks too", () => {
  const h = new CoreHarness({ maxGatherBytes: 10 });
  h.core.acquireReplicas({ x: [A], y: [A] }, { x: 10, y: 10 }, 0, undefined, h.now);
  h.core.computeTask(h.task("t", { whoHas: { y: [A] }, nbytes: { y: 10 } }), h.now);
  h.settle();
  assert.deepEqual(h.wanted(), [`gather ${A}: y`]);
  h.received(A, { y: 10 });
  assert.deepEqual(h.wanted(), [`gather ${A}: x`, "execute t"]);
});

Deno.test("a copy outlives the tasks that needed it, and a task the wish for a copy", () => {
  const h = new CoreHarness();
  acquire(h, { x: [A] });
  h.compute("t", { whoHas: { x: [A] } });
  h.core.cancelCompute(["t"], h.now);
  h.received(A, { x: 10 });
  assert.deepEqual(h.said(), [{ op: "add-keys", keys: ["x"] }]);

  h.compute("u", { whoHas: { y: [A] } });
  acquire(h, { y: [A] });
  h.core.freeKeys(["y"], h.now);
  h.received(A, { y: 10 });
  assert.deepEqual(h.said(), [{ op: "add-keys", keys: ["y"] }], "the task has it still");
});

Deno.test("a copy that is freed, or computed here instead, is not answered for", () => {
  const h = new CoreHarness();
  h.core.acquireReplicas({ x: [A], y: [A] }, { x: 10, y: 10 }, 0, undefined, h.now);
  h.core.freeKeys(["x"], h.now);
  h.core.computeTask(h.task("y"), h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute y"]);
  assert.deepEqual(h.said(), []);
});

Deno.test("a message that asks for copies is checked", () => {
  const h = new CoreHarness();
  const refused = (message: Record<string, unknown>) =>
    assert.throws(
      () =>
        takeSchedulerMessage(
          h.core,
          { recall: () => false },
          { op: "acquire-replicas", ...message } as SchedulerToWorker,
          0,
        ),
      MalformedMessageError,
    );
  refused({ whoHas: [], nbytes: {} });
  refused({ whoHas: { x: "a" }, nbytes: {} });
  refused({ whoHas: { x: [A] }, nbytes: { x: -1 } });
  refused({ whoHas: { x: [A] }, nbytes: {}, needs: { x: ["?"] } });
});
