/** Graphs that cannot be taken: what the client hears, and that the rest goes on. */
import assert from "node:assert/strict";
import { SchedulerCore } from "../../scheduler/core.ts";
import { BLOB, Harness, independent } from "./harness.ts";

Deno.test("a circle is named, and nothing of its graph is taken", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ before: [] });
  h.forgetSent();
  h.submit({ ok: ["before"], a: ["ok", "c"], b: ["a"], c: ["b"] });
  const [message, ...rest] = h.toClient();
  assert.deepEqual(rest, []);
  assert(message.op === "graph-refused");
  assert.deepEqual(message.keys, ["ok", "a", "b", "c"]);
  assert.match(message.message, /circle: 'a' -> 'c' -> 'b' -> 'a'/);
  assert.equal(h.core.tasks.size, 1);
  assert.equal(h.task("before").dependents.size, 0);
  h.finish("before");
  h.submit({ a: ["before"] });
  assert.equal(h.state("a"), "processing");
});

Deno.test("a task that needs itself is a circle", () => {
  const h = new Harness();
  h.submit({ a: ["a"] });
  const [message] = h.toClient();
  assert(message.op === "graph-refused" && message.message.includes("'a' -> 'a'"));
  assert.equal(h.core.tasks.size, 0);
});

Deno.test("tasks may come before what they need, as long as there is no circle", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ z: ["y"], y: ["x"], x: [] }, { wanted: ["z"] });
  for (const key of ["x", "y", "z"]) h.finish(key);
  assert.equal(h.state("z"), "memory");
});

Deno.test("a long circle is named in part", () => {
  const h = new Harness();
  const graph: Record<string, string[]> = {};
  for (let i = 0; i < 1000; i++) graph[`x-${i}`] = [`x-${(i + 1) % 1000}`];
  h.submit(graph);
  const [message] = h.toClient();
  assert(message.op === "graph-refused" && message.message.includes("990 more"));
  assert(message.message.length < 500);
});

Deno.test("what needs an unknown key is refused with all that needs it; the rest is taken", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ good: [], bad: ["good", "gone"], worse: ["bad"], fine: ["good"] });
  const refused = h.toClient().filter((m) => m.op === "graph-refused");
  assert.equal(refused.length, 1);
  assert.deepEqual(refused[0].keys, ["bad", "worse"]);
  assert.match(refused[0].message, /'gone'/);
  assert.deepEqual(h.states("good", "bad", "worse", "fine"), {
    good: "processing",
    bad: "forgotten",
    worse: "forgotten",
    fine: "waiting",
  });
  assert.equal(h.task("good").dependents.size, 1);
});

Deno.test("a key that is named twice in a graph is one task, as it was named first", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.do((core, now) =>
    core.updateGraph("client", {
      op: "update-graph",
      parts: { f: { code: BLOB } },
      groups: [
        { function: "f", keys: ["x", "x", "y"], args: [BLOB, BLOB, BLOB] },
        {
          function: "f",
          keys: ["y", "z"],
          args: [BLOB, BLOB],
          dependencies: [["x"], ["x", "x"]],
        },
      ],
    }, now)
  );
  assert.equal(h.core.tasks.size, 3);
  assert.equal(h.task("y").dependencies.size, 0);
  assert.equal(h.task("z").dependencies.size, 1);
});

Deno.test("keys may be any text", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  const keys = ["__proto__", "constructor", "-", "a b\n", "é-1", "x".repeat(1000)];
  h.do((core, now) =>
    core.updateGraph("client", {
      op: "update-graph",
      parts: { f: { code: BLOB } },
      groups: [{ function: "f", keys, args: keys.map(() => BLOB) }, {
        function: "f",
        keys: ["all"],
        args: [BLOB],
        dependencies: [keys],
      }],
    }, now)
  );
  for (const key of keys) h.finish(key);
  const message = h.computed("alice").at(-1)!;
  assert.deepEqual(Object.keys(message.whoHas!).sort(), keys.toSorted());
  assert.deepEqual(Object.keys(h.core.whoHas()).sort(), keys.toSorted());
});

Deno.test("a name that another worker has is refused; the same worker may come back", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  assert.throws(
    () => h.addWorker("bob", { name: "name-of-alice" }),
    { name: "WorkerRefusedError", message: /'name-of-alice' is taken by tcp:\/\/alice:1/ },
  );
  h.addWorker("alice", { name: "another" });
  assert.equal(h.core.coerceAddress("name-of-alice"), null);
  assert.equal(h.core.coerceAddress("another"), "tcp://alice:1");
});

Deno.test("options that make no sense are refused by name", () => {
  for (
    const options of [
      { bandwidth: 0 },
      { allowedFailures: -1 },
      { defaultTaskDuration: NaN },
      { workerTtl: -1 },
      { transitionLogLength: -1 },
      { eventLogLength: NaN },
    ]
  ) {
    const [name] = Object.keys(options);
    assert.throws(() => new SchedulerCore(options), (error) => {
      return error instanceof RangeError && error.message.includes(name);
    });
  }
  const core = new SchedulerCore();
  assert.throws(() => core.addPlugin(null as never), TypeError);
});

Deno.test("an empty graph does nothing", () => {
  const h = new Harness();
  h.submit(independent(0));
  assert.equal(h.core.tasks.size, 0);
  assert.deepEqual(h.toClient(), []);
});
