/** `--insecure`: programs on two machines that have neither token nor TLS. */
import assert from "node:assert/strict";
import { twoMachines } from "../support/two_machines.ts";

const entry = (program: string) => new URL(`../../cli/${program}.ts`, import.meta.url).pathname;

Deno.test("--insecure lets peers from other machines in, to a scheduler and to a worker", async () => {
  await using machines = await twoMachines();
  if (machines === undefined) return;
  const address = `tcp://${machines.hosts[0]}:8786`;
  const worker = (...flags: string[]) =>
    machines.run(1, entry("worker"), address, "--no-nanny", "--nthreads", "1", ...flags);
  {
    await using scheduler = machines.run(0, entry("scheduler"));
    await scheduler.printed(/Scheduler started/);
    await using refused = worker("--insecure");
    assert.equal((await refused.status).code, 1);
    assert.match(refused.stderr, /refuses peers from other machines: give both a token/);
  }
  await using scheduler = machines.run(0, entry("scheduler"), "--insecure");
  await scheduler.printed(/Scheduler started/);
  const peer = new URL("../deploy/fixtures/far_peer.ts", import.meta.url).pathname;
  for (
    const [flags, outcome] of [[[], /failed: /], [["--insecure"], /worked on 1 workers/]] as const
  ) {
    await using open = worker(...flags);
    await open.printed(/Registered with/);
    await using client = machines.run(0, peer, "client", address, "{}");
    await client.printed(outcome);
    open.kill("SIGTERM");
    await open.status;
  }
});
