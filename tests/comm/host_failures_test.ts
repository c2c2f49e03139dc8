/** Delays for hosts that try wrong secrets. */
import assert from "node:assert/strict";
import { HostFailures } from "../../comm/host_failures.ts";

Deno.test("a host waits longer with each wrong secret, but never for long", () => {
  const failures = new HostFailures();
  assert.equal(failures.delayOf("10.0.0.1", 0), 0);
  const delays = Array.from({ length: 40 }, () => {
    failures.add("10.0.0.1", 0, true);
    return failures.delayOf("10.0.0.1", 0);
  });
  assert(delays[0] > 0 && delays[1] > delays[0] && delays[2] > delays[1]);
  assert.equal(delays.at(-1), 1);
  assert.equal(failures.delayOf("10.0.0.2", 0), 0);
});

Deno.test("failures are forgotten with time", () => {
  const failures = new HostFailures();
  for (let i = 0; i < 1000; i++) failures.add("10.0.0.1", 0, true);
  assert.equal(failures.delayOf("10.0.0.1", 10), 1);
  assert(failures.delayOf("10.0.0.1", 40) < 0.1);
  assert.equal(failures.delayOf("10.0.0.1", 70), 0);
});

Deno.test("one who has tried no secret does not make others of its host wait", () => {
  const failures = new HostFailures();
  failures.add("10.0.0.1", 0, false);
  assert.equal(failures.delayOf("10.0.0.1", 0), 0);
});

Deno.test("the log hears of a host now and then, and how often it was silent", () => {
  const failures = new HostFailures();
  const told = [0, 1, 2, 9, 10, 11, 100].map((now) => failures.add("10.0.0.1", now, true));
  assert.deepEqual(told, [0, undefined, undefined, undefined, 3, undefined, 1]);
});

Deno.test("a network of IPv6 counts as one host", () => {
  const failures = new HostFailures();
  failures.add("2001:db8:1:2::5", 0, true);
  assert(failures.delayOf("2001:db8:1:2:3:4:5:6", 0) > 0);
  assert(failures.delayOf("2001:db8:1:2::", 0) > 0);
  assert.equal(failures.delayOf("2001:db8:1:3::5", 0), 0);
  assert.equal(failures.delayOf("::1", 0), 0);
});

Deno.test("only so many hosts are remembered, those that failed last", () => {
  const failures = new HostFailures();
  for (let i = 0; i < 5000; i++) failures.add(`10.0.${i >> 8}.${i & 255}`, i / 1000, true);
  assert.equal(failures.size, 1024);
  assert(failures.delayOf("10.0.19.135", 5) > 0);
  assert.equal(failures.delayOf("10.0.0.0", 5), 0);
});
