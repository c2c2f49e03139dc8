/** When a worker that has died is started again. */
import assert from "node:assert/strict";
import { RestartPolicy } from "../../worker/restart_policy.ts";

Deno.test("the first death is made good at once, later ones after growing pauses", () => {
  const policy = new RestartPolicy();
  const pauses = Array.from({ length: 10 }, () => policy.died(1));
  assert.deepEqual(pauses, [0, 0.5, 1, 2, 4, 8, 16, 30, 30, 30]);
  assert.equal(policy.died(3600), 0, "one that has lived for long is no sign of trouble");
  assert.equal(policy.died(1), 0.5);
});

Deno.test("three in a row that do not even come up are the last", () => {
  const policy = new RestartPolicy();
  assert.deepEqual([undefined, undefined, undefined].map((life) => policy.died(life)), [
    0,
    0.5,
    undefined,
  ]);
  const luckier = new RestartPolicy();
  const lives = [undefined, undefined, 5, undefined, undefined, undefined];
  assert.deepEqual(lives.map((life) => luckier.died(life)), [0, 0.5, 1, 2, 4, undefined]);
});
