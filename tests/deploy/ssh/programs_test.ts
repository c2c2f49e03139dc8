/** Where the others reach the scheduler, and where programs are on hosts. */
import assert from "node:assert/strict";
import { reachableAddress, remotePath } from "../../../deploy/ssh/programs.ts";

Deno.test("the scheduler is reached by the name of its host, at the port that it tells", () => {
  const reach = (announced: string, hostname: string, local = false) =>
    reachableAddress(announced, { hostname }, local);
  assert.equal(reach("tcp://10.0.0.1:8786", "head.example"), "tcp://head.example:8786");
  assert.equal(reach("tls://[fd00::2]:1234", "fd00::1"), "tls://[fd00::1]:1234");
  assert.equal(reach("tcp://127.0.0.1:99", "localhost", true), "tcp://localhost:99");
});

Deno.test("a scheduler on this machine is reached by an address that other machines have", () => {
  assert.equal(
    reachableAddress("tcp://192.168.0.9:8786", { hostname: "127.0.0.1" }, false),
    "tcp://192.168.0.9:8786",
  );
});

Deno.test("dusk-scheduler is looked for beside dusk-worker", () => {
  const hosts = ["a"];
  const at = (remoteWorker?: string, remoteScheduler?: string) =>
    remotePath({ hosts, remoteWorker, remoteScheduler }, "dusk-scheduler");
  assert.equal(at(), undefined);
  assert.equal(at("/opt/dusk/dusk-worker"), "/opt/dusk/dusk-scheduler");
  assert.equal(at("worker-7"), "dusk-scheduler");
  assert.equal(at("/opt/dusk/dusk-worker", "~/s"), "~/s");
});
