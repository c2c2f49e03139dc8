/** The log of what became of tasks. */
import assert from "node:assert/strict";
import { TransitionLog } from "../../worker/transition_log.ts";

Deno.test("the log keeps the latest entries, in order", () => {
  const log = new TransitionLog(3);
  for (let i = 0; i < 5; i++) log.record(`k${i}`, "a", "b", "test", i);
  assert.deepEqual(log.story().map((entry) => entry.key), ["k2", "k3", "k4"]);
  assert.deepEqual(log.story("k3", "k0"), [
    { key: "k3", start: "a", finish: "b", cause: "test", time: 3 },
  ]);
  assert.equal(log.size, 3);
});

Deno.test("a log of length 0 keeps nothing", () => {
  const log = new TransitionLog(0);
  log.record("x", "a", "b", "test", 0);
  assert.deepEqual(log.story(), []);
});
