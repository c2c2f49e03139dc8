/** Code as parts: what goes to which worker, how long it is kept, and what is refused. */
import assert from "node:assert/strict";
import type { CodePart, SchedulerToWorker } from "../../protocol/messages.ts";
import { Serialized } from "../../protocol/serialized.ts";
import { deserialize } from "../../protocol/values.ts";
import { BLOB, Harness, independent, parts } from "./harness.ts";

/** Names of the parts that went along with the tasks that a worker got, by task. */
function brought(h: Harness, worker: string): Record<string, string[]> {
  return Object.fromEntries(h.computed(worker).map((m) => [m.key, Object.keys(m.parts ?? {})]));
}

function uploads(messages: SchedulerToWorker[]) {
  return messages.filter((message) => message.op === "upload-file");
}

function forgotten(messages: SchedulerToWorker[]): string[] {
  return messages.flatMap((message) => message.op === "forget-parts" ? message.parts : []);
}

Deno.test("code goes to a worker once, after what it needs", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  const sent = parts({ f: ["c", "m"], c: ["b"], m: [], b: [], g: ["c"] });
  h.submit(independent(6), { parts: sent });
  for (const worker of ["alice", "bob"]) {
    assert.deepEqual(Object.values(brought(h, worker)), [["b", "c", "m", "f"], [], []]);
  }
  h.submit({ y: [] }, { workers: ["alice"], function: "g", parts: {} });
  assert.deepEqual(brought(h, "alice"), { y: ["g"] });
});

Deno.test("what arguments refer to goes along like the function", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] }, { parts: parts({ f: [], c: ["b"], b: [] }), needs: ["c", "c"] });
  const [message] = h.computed("alice");
  assert.deepEqual(message.needs, ["c"]);
  assert.deepEqual(Object.keys(message.parts!), ["f", "b", "c"]);
  h.submit({ y: [] }, { parts: {} });
  const [plain] = h.computed("alice");
  assert.deepEqual([plain.needs, plain.parts, plain.dependencyNeeds], [
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("code that nothing uses is kept up to a limit, then forgotten everywhere", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  for (let i = 0; i < 1001; i++) {
    h.submit({ [`x-${i}`]: [] }, { function: `f${i}`, workers: ["alice"] });
    h.release(`x-${i}`);
  }
  assert.equal(h.core.parts.size, 1001, "the client holds it");
  h.do((core, now) =>
    core.releaseParts("client", Array.from({ length: 1001 }, (_, i) => `f${i}`), now)
  );
  assert.equal(h.core.parts.size, 1000);
  assert.deepEqual(forgotten(h.toWorker("alice")), ["f0"]);
  assert.deepEqual(h.toWorker("bob"), []);
  h.submit({ again: [] }, { function: "f0", workers: ["alice"] });
  assert.deepEqual(brought(h, "alice"), { again: ["f0"] });
});

Deno.test("of code that nothing uses only so many bytes are kept, the last used", () => {
  const h = new Harness({ unusedParts: { parts: 1000, bytes: 250 } });
  h.addWorkers(["alice"]);
  const sent = (name: string): Record<string, CodePart> => {
    const origin = new Serialized([new Uint8Array(20)]);
    return { [name]: { code: new Serialized([new Uint8Array(80)]), origin } };
  };
  for (const name of ["f1", "f2", "f3"]) {
    h.submit({ [name]: [] }, { function: name, parts: sent(name) });
    h.release(name);
  }
  h.submit({ again: [] }, { function: "f1", parts: {} });
  h.do((core, now) => core.releaseParts("client", ["f1", "f2", "f3"], now));
  assert.equal(h.core.parts.unusedBytes, 200);
  h.release("again");
  assert.deepEqual([...h.core.parts.values()].map((part) => part.name), ["f1", "f3"]);
  assert.deepEqual(forgotten(h.toWorker("alice")), ["f2"]);
});

Deno.test("a part larger than the limit can be used", () => {
  const h = new Harness({ unusedParts: { parts: 0, bytes: 0 } });
  h.addWorkers(["alice"]);
  h.submit({ x: [] }, { parts: parts({ f: ["b"], b: [] }) });
  assert.deepEqual(brought(h, "alice"), { x: ["b", "f"] });
  h.do((core, now) => core.releaseParts("client", ["f", "b"], now));
  assert.equal(h.core.parts.size, 2, "the task uses it");
  h.release("x");
  assert.equal(h.core.parts.size, 0);
  assert.deepEqual(forgotten(h.toWorker("alice")), ["f", "b"]);
});

Deno.test("code stays for the client that sent it, until it leaves", () => {
  const h = new Harness({ unusedParts: { parts: 0, bytes: 0 } });
  h.addWorkers(["alice"]);
  h.core.addClient("other", h.now);
  h.submit({ x: [] });
  h.submit({ y: [] }, { client: "other" });
  h.release("x");
  h.do((core, now) => core.removeClient("client", now));
  h.do((core, now) => core.clientReleasesKeys("other", ["y"], now));
  h.submit({ z: [] }, { client: "other", parts: {} });
  assert.equal(h.state("z"), "processing");
  h.do((core, now) => core.removeClient("other", now));
  assert.equal(h.core.parts.size, 0);
});

Deno.test("what a result refers to stays with it, and goes to the workers that read it", () => {
  const h = new Harness({ unusedParts: { parts: 0, bytes: 0 } });
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [] }, { parts: parts({ f: ["c"], c: ["b"], b: [] }), workers: ["alice"] });
  h.finish("x", { needs: ["c"] });
  h.submit({ y: ["x"], z: ["x"] }, {
    function: "g",
    parts: parts({ g: [] }),
    workers: ["bob"],
  });
  const [y, z] = h.computed("bob");
  assert.deepEqual({ ...y.dependencyNeeds }, { x: ["c"] });
  assert.deepEqual(Object.keys(y.parts!), ["g", "b", "c"]);
  assert.deepEqual([{ ...z.dependencyNeeds }, z.parts], [{ x: ["c"] }, undefined]);
  h.do((core, now) => core.releaseParts("client", ["f", "g", "c", "b"], now));
  h.release("y", "z");
  assert.deepEqual([...h.core.parts.values()].map((part) => part.name).sort(), ["b", "c", "f"]);
  h.release("x");
  assert.equal(h.core.parts.size, 0);
});

Deno.test("a result that refers to forgotten code fails its task, in words that say so", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], y: ["x"] });
  h.forgetSent();
  h.finish("x", { needs: ["gone"] });
  assert.deepEqual(h.states("x", "y"), { x: "erred", y: "erred" });
  const [message] = h.toClient();
  assert(message.op === "task-erred");
  const error = deserialize(message.exception) as Error;
  assert.equal(error.name, "ForgottenCodeError");
  assert.match(error.message, /result of task 'x' refers to code \(gone\)/);
  assert.deepEqual(h.freed("alice"), ["x"]);
});

Deno.test("scattered data brings the code that it refers to", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  const whoHas = { x: [h.address("alice")], bad: [h.address("alice")] };
  h.do((core, now) =>
    core.updateData("client", {
      op: "update-data",
      parts: parts({ c: ["b"], b: [] }),
      needs: { x: ["c"], bad: ["gone"] },
      whoHas,
      nbytes: { x: 8, bad: 8 },
    }, now)
  );
  const [announced, refused] = h.toClient();
  assert(announced.op === "key-in-memory" && announced.key === "x");
  assert(refused.op === "cancelled-key" && refused.key === "bad");
  assert.match(refused.reason!, /part gone did not come along/);
  assert.deepEqual(h.freed("alice"), ["bad"]);
  h.submit({ y: ["x"] }, { workers: ["bob"] });
  assert.deepEqual(brought(h, "bob"), { y: ["f", "b", "c"] });
});

Deno.test("data that is scattered through the scheduler is no code for the client to refer to", () => {
  const h = new Harness({ unusedParts: { parts: 0, bytes: 0 } });
  h.addWorkers(["alice"]);
  h.do((core, now) =>
    core.addScattered("client", {
      op: "update-data",
      parts: parts({ c: [] }),
      needs: { x: ["c"] },
      whoHas: { x: [h.address("alice")] },
      nbytes: { x: 8 },
    }, now)
  );
  assert.equal(h.core.parts.size, 1);
  h.release("x");
  assert.equal(h.core.parts.size, 0);
});

Deno.test("tasks whose code is not complete are refused, unless it came before", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  const refusal = (key: string): string => {
    const [message, ...rest] = h.toClient();
    assert.deepEqual(rest, []);
    assert(message.op === "graph-refused" && message.keys[0] === key, `${key} is refused`);
    return message.message;
  };
  h.submit({ a: [] }, { parts: {} });
  assert.match(refusal("a"), /task 'a' cannot be taken: .* part f did not come along/);
  h.submit({ b: [] }, { parts: parts({ f: ["c"], c: ["b"] }) });
  assert.match(refusal("b"), /part b, which c needs, did not come along/);
  h.submit({ c: [] }, { parts: parts({ f: ["c"], c: ["f"] }) });
  assert.match(refusal("c"), /part f needs itself/);
  h.submit({ d: [] }, { parts: parts({ f: [] }), needs: ["c"] });
  assert.match(refusal("d"), /part c did not come along/);
  h.submit({ y: [] }, { parts: {} });
  assert.deepEqual(h.states("a", "b", "c", "d", "y"), {
    a: "forgotten",
    b: "forgotten",
    c: "forgotten",
    d: "forgotten",
    y: "processing",
  });
  assert.deepEqual([...h.core.parts.values()].map((part) => part.name), ["f"]);
});

Deno.test("a chain of parts may be long, but not without end", () => {
  for (const [length, state] of [[1000, "processing"], [1001, "forgotten"]] as const) {
    const h = new Harness();
    h.addWorkers(["alice"]);
    const needs: Record<string, string[]> = {};
    for (let i = 1; i < length; i++) needs[`f${i}`] = [`f${i - 1}`];
    h.submit({ x: [] }, { function: `f${length - 1}`, parts: parts({ ...needs, f0: [] }) });
    assert.equal(h.state("x"), state, `a chain of ${length}`);
  }
});

Deno.test("parts that share what they need are taken in no time", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  const needs: Record<string, string[]> = {};
  // As many ways from the first to the last as there are numbers of 60 bits.
  for (let i = 0; i < 60; i++) {
    for (const side of ["a", "b"]) {
      needs[`${side}${i}`] = i === 59 ? [] : [`a${i + 1}`, `b${i + 1}`];
    }
  }
  h.submit({ x: [] }, { function: "a0", parts: parts(needs) });
  assert.equal(brought(h, "alice").x.length, 119);
  h.release("x");
  h.do((core, now) => core.removeClient("client", now));
  assert.equal(h.core.parts.unused.size, 120);
});

Deno.test("a restart keeps the code of clients, and the workers get it anew", () => {
  const h = new Harness({ unusedParts: { parts: 0, bytes: 0 } });
  h.addWorkers(["alice"]);
  h.core.addClient("other", h.now);
  h.submit({ x: [] }, { parts: parts({ f: ["c"], c: [] }) });
  h.submit({ y: [] }, { client: "other", function: "g" });
  h.finish("x", { needs: ["c"] });
  h.do((core, now) => core.releaseParts("other", ["g"], now));
  h.do((core, now) => core.uploadFile({ "lib.ts": "m" }, parts({ m: [] }), now));
  h.forgetSent();
  h.do((core, now) => core.restart(now));
  assert.equal(h.core.parts.get("g"), undefined);
  const [upload] = uploads(h.toWorker("alice"));
  assert.deepEqual({ ...upload.modules }, { "lib.ts": "m" });
  assert.deepEqual(Object.keys(upload.parts), ["m"]);
  h.submit({ z: [] }, { parts: {} });
  assert.deepEqual(brought(h, "alice"), { z: ["c", "f"] });
});

Deno.test("a worker that comes back gets all code anew", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  h.forgetSent();
  h.addWorker("alice");
  assert.deepEqual(brought(h, "alice"), { x: ["f"] });
});

Deno.test("what a worker brings along counts only if the code that it refers to is known", () => {
  const h = new Harness();
  h.submit({ known: [], gone: [], y: ["known"] }, { parts: parts({ f: [], c: [] }) });
  h.forgetSent();
  h.addWorker("alice", {
    nthreads: 2,
    nbytes: { known: 1, gone: 1 },
    needs: { known: ["c"], gone: ["other"] },
  });
  assert.deepEqual(h.states("known", "gone"), { known: "memory", gone: "processing" });
  const sent = h.toWorker("alice");
  assert.deepEqual(sent.filter((m) => m.op === "free-keys"), [{ op: "free-keys", keys: ["gone"] }]);
  const y = sent.find((m) => m.op === "compute-task" && m.key === "y");
  assert(y?.op === "compute-task");
  assert.deepEqual({ ...y.dependencyNeeds }, { known: ["c"] });
});

Deno.test("an uploaded module goes to all workers, and to new ones before their first task", () => {
  const h = new Harness({ unusedParts: { parts: 0, bytes: 0 } });
  h.addWorkers(["alice"]);
  h.do((core, now) => core.uploadFile({ "lib.ts": "m1", lib: "m1" }, parts({ m1: [] }), now));
  const [first, ...rest] = h.toWorker("alice");
  assert.deepEqual(rest, []);
  assert(first.op === "upload-file");
  assert.deepEqual({ ...first.modules }, { "lib.ts": "m1", lib: "m1" });
  assert.deepEqual(first.parts, { m1: { code: BLOB } });

  h.submit({ x: [] }, { workers: ["bob"] });
  h.addWorker("bob");
  assert.deepEqual(h.toWorker("bob").map((m) => m.op), ["upload-file", "compute-task"]);

  h.do((core, now) => core.uploadFile({ "lib.ts": "m2" }, parts({ m2: [] }), now));
  assert.deepEqual(uploads(h.toWorker("alice")).map((m) => ({ ...m.modules })), [{
    "lib.ts": "m2",
  }]);
  h.do((core, now) => core.uploadFile({ lib: "m2" }, {}, now));
  const sent = h.toWorker("alice");
  assert.deepEqual(uploads(sent).map((m) => [{ ...m.modules }, m.parts]), [[{ lib: "m2" }, {}]]);
  assert.deepEqual(forgotten(sent), ["m1"], "after no name leads to it any more");
});

Deno.test("an upload whose part is missing, or of too many names, changes nothing", () => {
  const h = new Harness({ unusedParts: { parts: 0, bytes: 0 } });
  h.addWorkers(["alice"]);
  const upload = (modules: Record<string, string>, sent: Record<string, CodePart>) =>
    h.do((core, now) => core.uploadFile(modules, sent, now));
  assert.throws(() => upload({ "lib.ts": "m" }, {}), {
    name: "UploadRefusedError",
    message: "module 'lib.ts' cannot be uploaded: its part m did not come along",
  });
  assert.throws(() => upload({ lib: "m" }, parts({ m: ["b"] })), /part b, which m needs, did not/);
  const many = Object.fromEntries(Array.from({ length: 10_001 }, (_, i) => [`lib${i}`, "m"]));
  assert.throws(() => upload(many, parts({ m: [] })), /10001 names of modules, and 10000 are/);
  assert.deepEqual([h.core.uploads.size, h.core.parts.size], [0, 0]);
  assert.deepEqual(h.toWorker("alice"), []);
});

Deno.test("how to run a failed task again is told with all its code", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] }, { parts: parts({ f: [], c: ["b"], b: [] }) });
  h.finish("x", { needs: ["c"] });
  h.submit({ bad: ["x"] }, {
    function: "g",
    needs: ["r"],
    parts: parts({ g: ["m"], m: [], r: [] }),
  });
  h.submit({ y: ["bad"] });
  h.err("bad");
  assert.deepEqual(h.core.runSpec("y"), {
    status: "OK",
    key: "bad",
    function: "g",
    parts: parts({ m: [], g: ["m"], r: [], b: [], c: ["b"] }),
    args: BLOB,
    dependencies: ["x"],
  });
  h.scatter("data", ["alice"]);
  for (
    const [key, reason] of [["data", /data that a client has put/], [
      "no",
      /does not know it/,
    ]] as const
  ) {
    const reply = h.core.runSpec(key);
    assert(reply.status === "error");
    assert.match(reply.message, reason);
  }
});
