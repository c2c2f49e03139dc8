/** Who wants what, what is dropped when nobody does, and what a cancellation stops. */
import assert from "node:assert/strict";
import { Harness, independent } from "./harness.ts";

Deno.test("released tasks leave nothing behind, in whatever state they are", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ ...independent(3), y: ["x-0"], bad: [], z: ["bad"], far: [] });
  h.submit({ nowhere: [] }, { workers: ["nobody"] });
  h.finish("x-0");
  h.err("bad");
  h.release("x-0", "x-1", "x-2", "y", "bad", "z", "far", "nowhere", "unknown");
  const { core } = h;
  assert.equal(core.tasks.size, 0);
  assert.equal(core.clients.get("client")!.wantsWhat.size, 0);
  const alice = h.worker("alice");
  assert.deepEqual([alice.processing.size, alice.hasWhat.size, alice.occupancy], [0, 0, 0]);
  assert.equal(core.totalOccupancy, 0);
  core.releaseParts("client", ["f"], h.now);
  assert.equal(core.parts.unused.size, 1);
});

Deno.test("an intermediate result stays while a dependent that was released by mistake needs it", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], y: ["x"], z: ["y"] });
  h.finish("x");
  h.release("x");
  assert.equal(h.state("x"), "memory", "y needs it");
  h.release("y");
  assert.equal(h.state("y"), "processing", "z needs it");
  h.release("z");
  assert.equal(h.core.tasks.size, 0);
});

Deno.test("tasks that nobody wants and nothing needs are not computed at all", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], y: ["x"] }, { wanted: [] });
  assert.equal(h.core.tasks.size, 0);
  assert.deepEqual(h.computed("alice"), []);
});

Deno.test("cancelling stops a task and what depends on it, and tells everyone who wanted that", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.core.addClient("other", h.now);
  h.submit({ x: [], y: ["x"], z: ["y"], w: [] });
  h.submit({ z: ["y"] }, { client: "other" });
  h.finish("x");
  h.forgetSent();
  h.cancel("x");
  assert.deepEqual(h.states("x", "y", "z", "w"), {
    x: "forgotten",
    y: "forgotten",
    z: "forgotten",
    w: "processing",
  });
  assert.deepEqual(h.toClient().map((m) => m.op === "cancelled-key" && m.key), ["y", "z"]);
  const told = h.toClient("other");
  assert.equal(told.length, 1);
  assert(told[0].op === "cancelled-key" && told[0].key === "z");
  assert.match(told[0].reason!, /'x'.*was cancelled/);
  const sent = h.toWorker("alice");
  assert.deepEqual(sent.find((m) => m.op === "cancel-compute"), {
    op: "cancel-compute",
    keys: ["y"],
  });
  assert.deepEqual(sent.find((m) => m.op === "free-keys"), { op: "free-keys", keys: ["x"] });
});

Deno.test("a task that another client wants goes on when one cancels it", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.core.addClient("other", h.now);
  h.submit({ x: [], y: ["x"] });
  h.submit({ x: [] }, { client: "other" });
  h.cancel("x");
  assert.deepEqual(h.toClient(), []);
  assert.deepEqual(h.states("x", "y"), { x: "processing", y: "waiting" });
  assert.deepEqual(h.toClient("other"), []);
});

Deno.test("a result that another client has of a cancelled task stays with that client", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.core.addClient("other", h.now);
  h.submit({ x: [], y: ["x"] });
  h.submit({ y: ["x"] }, { client: "other" });
  h.finish("x");
  h.finish("y");
  h.cancel("x");
  assert.deepEqual(h.states("x", "y"), { x: "released", y: "memory" });
  assert.deepEqual(h.core.clients.get("other")!.wantsWhat.size, 1);
});

Deno.test("cancelling what is not there or not wanted does nothing; what has failed is forgotten", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.core.addClient("other", h.now);
  h.submit({ theirs: [] }, { client: "other" });
  h.submit({ bad: [] });
  h.err("bad");
  h.forgetSent();
  h.cancel("unknown", "theirs", "bad");
  assert.deepEqual(h.toClient(), []);
  assert.deepEqual(h.states("theirs", "bad"), { theirs: "processing", bad: "forgotten" });
});

Deno.test("a client that cancels is told of what else is cancelled by that, once", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [], y: ["x"], z: ["y"] });
  h.cancel("y", "x", "x");
  h.cancel("z");
  assert.deepEqual(h.toClient().map((m) => m.op === "cancelled-key" && m.key), ["z"]);
});

Deno.test("a cancelled task can be submitted again", () => {
  const h = new Harness();
  h.addWorkers(["alice"]);
  h.submit({ x: [] });
  h.cancel("x");
  h.forgetSent();
  h.submit({ x: [] });
  h.finish("x");
  assert.deepEqual(h.toClient().map((m) => m.op), ["key-in-memory"]);
});

Deno.test("scattered data is kept while it is wanted or needed", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.scatter("x", ["alice", "bob"], 100);
  assert.deepEqual(h.toClient().map((m) => m.op), ["key-in-memory"]);
  assert.deepEqual(h.core.whoHas(["x"]), { x: ["tcp://alice:1", "tcp://bob:1"] });
  h.submit({ y: ["x"] });
  h.release("x");
  assert.equal(h.state("x"), "memory");
  h.finish("y");
  assert.equal(h.state("x"), "forgotten");
  assert.deepEqual([...h.freed("alice"), ...h.freed("bob")], ["x", "x"]);
  assert.equal(h.state("y"), "memory");
});

Deno.test("when scattered data is lost, what needs it is cancelled with the reason", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.scatter("x", ["alice"], 100);
  h.submit({ y: ["x"] }, { workers: ["name-of-bob"] });
  h.submit({ z: ["y"] });
  h.forgetSent();
  h.removeWorker("alice");
  assert.equal(h.core.tasks.size, 0);
  const told = h.toClient();
  assert.deepEqual(told.map((m) => m.op === "cancelled-key" && m.key).sort(), ["x", "y", "z"]);
  for (const message of told) {
    assert(message.op === "cancelled-key");
    assert.match(message.reason!, /'x'/);
    assert.match(message.reason!, /last copy is lost/);
  }
  assert.deepEqual(h.toWorker("bob"), [{ op: "cancel-compute", keys: ["y"] }]);
});

Deno.test("a result whose scattered input is lost is good until it is lost itself", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.scatter("x", ["alice"], 100);
  h.submit({ y: ["x"] }, { workers: ["name-of-bob"] });
  h.finish("y");
  h.removeWorker("alice");
  assert.equal(h.state("y"), "memory");
  h.forgetSent();
  h.removeWorker("bob");
  assert.equal(h.state("y"), "forgotten");
  const [message] = h.toClient();
  assert(message.op === "cancelled-key" && message.key === "y" && /'x'/.test(message.reason!));
});

Deno.test("data scattered to workers that have left is reported as lost", () => {
  const h = new Harness();
  h.scatter("x", ["alice"]);
  const [message] = h.toClient();
  assert(message.op === "cancelled-key" && /have left/.test(message.reason!));
  assert.equal(h.core.tasks.size, 0);
});

Deno.test("scattering under the key of a task that is being computed settles it", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ x: [], y: ["x"] }, { wanted: ["y"] });
  const [worker] = h.placed("x");
  h.forgetSent();
  h.scatter("x", [worker === "alice" ? "bob" : "alice"]);
  assert.deepEqual(h.states("x", "y"), { x: "memory", y: "processing" });
  assert.deepEqual(h.toWorker(worker)[0], { op: "cancel-compute", keys: ["x"] });
});

Deno.test("a restart leaves a clean cluster", () => {
  const h = new Harness();
  h.addWorkers(["alice", "bob"]);
  h.submit({ ...independent(20), y: ["x-0"], bad: [] });
  h.submit({ nowhere: [] }, { resources: { GPU: 1 } });
  h.finish("x-0");
  h.err("bad");
  h.forgetSent();
  h.do((core, now) => core.restart(now));
  assert.equal(h.core.tasks.size, 0);
  assert.deepEqual(h.toClient(), [{ op: "restart" }]);
  assert.deepEqual(h.toWorker("alice"), []);
  assert.equal(h.core.idle.size, 2);
  // What the workers were still about to say.
  h.finishOn("alice", "x-1");
  h.errOn("bob", "x-2");
  h.submit({ "x-1": [] });
  h.finish("x-1");
  assert.equal(h.state("x-1"), "memory");
});
