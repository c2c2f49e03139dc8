/** The code that a worker has: what comes with tasks, what is uploaded, and what becomes of it. */
import assert from "node:assert/strict";
import type { CodePart } from "../../protocol/messages.ts";
import { deserialize } from "../../protocol/values.ts";
import { A, CODE, CoreHarness } from "./core_harness.ts";

/** Parts in short: each name with the names of those that it needs. */
function parts(needs: Record<string, string[]>): Record<string, CodePart> {
  return Object.fromEntries(
    Object.entries(needs).map(([name, needs]) => [name, { code: CODE, needs }]),
  );
}

/** Names of the parts that a task here needs besides its function. */
function needs(h: CoreHarness, key: string): string[] | undefined {
  return h.core.machine.tasks.get(key)!.needs?.map((part) => part.name);
}

Deno.test("code sent once serves all tasks that need it, until it is forgotten", () => {
  const h = new CoreHarness({ nthreads: 4 });
  h.compute("a", { parts: parts({ c: [], f: ["c"] }) });
  h.compute("b", { parts: undefined, needs: ["c"] });
  assert.deepEqual(h.wanted(), ["execute a", "execute b"]);
  const { function: fn } = h.core.machine.tasks.get("b")!;
  assert.deepEqual([fn!.name, fn!.code, fn!.needs[0].name], ["f", CODE, "c"]);
  assert.deepEqual([needs(h, "a"), needs(h, "b")], [undefined, ["c"]]);
  h.core.forgetParts(["f", "c"], h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["forget f c"]);
  assert.equal(h.core.code.known.size, 0);
  h.compute("c", { parts: undefined });
  assert.equal(h.state("c"), "erred");
});

Deno.test("a task whose code was never sent fails with words that say so", () => {
  const h = new CoreHarness();
  const missing: [string, Parameters<CoreHarness["compute"]>[1]][] = [
    ["abc", { function: "abc", parts: undefined }],
    ["c1", { needs: ["c1"] }],
    ["c2", { whoHas: { y: [A] }, dependencyNeeds: { y: ["c2"] } }],
    ["c3", { function: "g", parts: parts({ g: ["c3"] }) }],
  ];
  for (const [part, task] of missing) {
    h.compute(part, task);
    const [message, ...rest] = h.said();
    assert.deepEqual(rest, []);
    assert(message.op === "task-erred" && message.key === part);
    const error = deserialize(message.exception) as Error;
    assert.equal(error.name, "UnknownPartError");
    assert.match(error.message, new RegExp(`code ${part} was never sent to this worker`));
  }
  assert.deepEqual(h.wanted(), []);
});

Deno.test("a task's threads get what its arguments and its inputs refer to, each once", () => {
  const h = new CoreHarness();
  h.core.putData({ y: 1, z: 1 }, h.now);
  h.compute("x", {
    parts: parts({ c1: [], c2: [], c3: [], f: [] }),
    needs: ["c1", "c2"],
    whoHas: { y: [], z: [] },
    dependencyNeeds: { y: ["c2", "c3"] },
  });
  assert.deepEqual(needs(h, "x"), ["c1", "c2", "c3"]);
});

Deno.test("what data refers to is told with it: when it was computed, and to a scheduler that is new", () => {
  const h = new CoreHarness({ nthreads: 2 });
  h.compute("x");
  h.finish("x", { needs: ["c1"] });
  const [finished] = h.said();
  assert(finished.op === "task-finished");
  assert.deepEqual(finished.needs, ["c1"]);

  h.compute("y", {
    parts: parts({ c2: [], f: [] }),
    whoHas: { far: [A] },
    dependencyNeeds: { far: ["c2"] },
  });
  h.received(A, { far: 8 });
  h.finish("y");
  const plain = h.said().find((message) => message.op === "task-finished");
  assert(plain?.op === "task-finished");
  assert(!("needs" in plain));
  assert.deepEqual(h.core.heldNeeds(), { x: ["c1"], far: ["c2"] });

  h.core.schedulerLost(h.now);
  h.compute("x", { needs: undefined });
  const again = h.said().find((message) => message.op === "task-finished");
  assert(again?.op === "task-finished");
  assert.deepEqual(again.needs, ["c1"]);
  h.core.freeKeys(["x", "far", "y"], h.now);
  assert.equal(h.core.heldNeeds(), undefined);
  h.settle();
});

Deno.test("code is forgotten with the scheduler that knows of it, but what runs keeps it", () => {
  const h = new CoreHarness({ allowedLosses: 2 });
  h.compute("x");
  h.core.uploadFile({ "lib.ts": "m" }, parts({ m: [] }), h.now);
  h.settle();
  h.wanted();
  h.core.schedulerLost(h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["uploads ", "forget f m"]);
  assert.equal(h.core.code.known.size, 0);
  h.core.executeLost("x", "gone", h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["execute x"]);
  assert.equal(h.core.machine.tasks.get("x")!.function!.code, CODE);
  h.finish("x");
  h.compute("y");
  assert.equal(h.core.code.known.size, 1);
  h.core.restart(1, h.now);
  assert.equal(h.core.code.known.size, 0);
  h.core.threadsRestarted(1, h.now);
  h.settle();
});

Deno.test("an uploaded module takes the place of the one before, and the others stay", () => {
  const h = new CoreHarness();
  h.core.uploadFile({ "lib.ts": "m1", lib: "m1" }, parts({ m1: [] }), h.now);
  h.core.uploadFile({ "lib.ts": "m2" }, parts({ m2: [] }), h.now);
  h.settle();
  assert.deepEqual(h.wanted(), ["uploads lib.ts=m1 lib=m1", "uploads lib.ts=m2 lib=m1"]);
  assert.throws(() => h.core.uploadFile({ lib: "m3", other: "m2" }, {}, h.now), {
    name: "UnknownPartError",
    message: /m3/,
  });
  h.settle();
  assert.deepEqual(h.wanted(), []);
});
