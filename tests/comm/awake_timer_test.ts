/** Timers that do not count the time in which the process was blocked. */
import assert from "node:assert/strict";
import { awakeTimer } from "../../comm/awake_timer.ts";
import { connect, listen } from "../../comm/comm.ts";
import { block } from "./block.ts";
import { LogLines } from "./pair.ts";

Deno.test("an awake timer calls back once, when its time is over", async () => {
  let calls = 0;
  await new Promise<void>((resolve) => {
    awakeTimer(0.02, () => {
      calls++;
      resolve();
    });
  });
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(calls, 1);
});

Deno.test("an awake timer that is stopped, or has no limit, never calls back", () => {
  const stop = awakeTimer(0.001, () => assert.fail("was stopped"));
  stop();
  stop();
  awakeTimer(Infinity, () => assert.fail("has no limit"))();
  // Longer than a setTimeout takes, which would fire at once.
  awakeTimer(1e9, () => assert.fail("far too early"))();
});

Deno.test("what has come while the process was blocked is seen before the time is over", async () => {
  const events: string[] = [];
  await new Promise<void>((resolve) => {
    awakeTimer(0.05, () => {
      events.push("over");
      resolve();
    });
    setTimeout(() => events.push("answer"), 40);
    block(0.2);
  });
  assert.deepEqual(events, ["answer", "over"]);
});

Deno.test("a process that is blocked during a handshake keeps the peer", async () => {
  using log = new LogLines("debug");
  const listener = listen("tcp://127.0.0.1:0", (comm) => comm.close(), { handshakeTimeout: 0.3 });
  await listener.start();
  for (let i = 0; i < 4; i++) {
    const connecting = connect(listener.contactAddress, { timeout: 0.3, handshakeTimeout: 0.3 });
    // So many turns of the event loop into the handshake.
    for (let turn = 0; turn < i; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
    block(0.5);
    (await connecting).abort();
  }
  listener.stop();
  assert.deepEqual(log.lines.filter((line) => line.includes("Dropped")), []);
});

Deno.test("a time of nothing is over at once", async () => {
  await new Promise<void>((over) => awakeTimer(0, over));
});
