/** What other machines are let in by: a token, TLS or --insecure, and nothing else. */
import assert from "node:assert/strict";
import type { SecurityOptions } from "../../comm/security.ts";
import { tlsOptions } from "../support/certificates.ts";
import { type TwoMachines, twoMachines } from "../support/two_machines.ts";

const PEER = new URL("fixtures/far_peer.ts", import.meta.url).pathname;

/** Starts a part of a cluster, and waits for a line of it. */
async function start(
  machines: TwoMachines,
  started: AsyncDisposableStack,
  machine: 0 | 1,
  [role, address, security]: [string, string, SecurityOptions],
  line: RegExp,
) {
  const program = started.use(machines.run(machine, PEER, role, address, JSON.stringify(security)));
  return { program, line: (await program.printed(line))[0] };
}

Deno.test("with neither TLS nor token, other machines are refused, and both sides are told", async () => {
  await using machines = await twoMachines();
  if (machines === undefined) return;
  await using started = new AsyncDisposableStack();
  const address = `tcp://${machines.hosts[0]}:8786`;
  const scheduler = await start(
    machines,
    started,
    0,
    ["scheduler", address, {}],
    /^listens at .*\n/m,
  );
  for (const role of ["worker", "client"]) {
    const { line } = await start(machines, started, 1, [role, address, {}], /^failed: .*\n/m);
    assert.match(line, /AuthenticationError/);
    assert.match(line, /refuses peers from other machines: give both a token \(--token-file/);
  }
  const [told] = await scheduler.program.printed(/Dropped a connection.*\n/);
  assert.match(told, new RegExp(`from tcp://${machines.hosts[1]}:.*--insecure`));
  // One who says that all are welcome is not let in by that.
  const bold = { insecure: true };
  await start(machines, started, 1, ["client", address, bold], /^failed: .*\n/m);
  // The scheduler's own machine is no stranger.
  await start(machines, started, 0, ["worker", address, {}], /^joined as .*\n/m);
  await start(machines, started, 0, ["client", address, {}], /worked on 1 workers/);
});

for (
  const [what, scheme, options] of [
    ["a token", "tcp", () => Promise.resolve({ token: "a secret of some length" })],
    ["TLS", "tls", async () => ({ ...await tlsOptions(), requireEncryption: true })],
    ["--insecure", "tcp", () => Promise.resolve({ insecure: true })],
  ] as const
) {
  Deno.test(`with ${what}, machines of a cluster work together in all directions`, async () => {
    await using machines = await twoMachines();
    if (machines === undefined) return;
    await using started = new AsyncDisposableStack();
    const address = `${scheme}://${machines.hosts[0]}:8786`;
    const security = await options();
    await start(machines, started, 0, ["scheduler", address, security], /^listens at .*\n/m);
    await start(machines, started, 0, ["worker", address, security], /^joined as .*\n/m);
    const far = await start(
      machines,
      started,
      1,
      ["worker", address, security],
      /^joined as .*\n/m,
    );
    assert(far.line.includes(`${scheme}://${machines.hosts[1]}:`), far.line);
    for (const machine of [0, 1] as const) {
      await start(machines, started, machine, ["client", address, security], /worked on 2 workers/);
    }
    if (what === "--insecure") return;
    await start(machines, started, 1, ["client", address, {}], /^failed: .*\n/m);
  });
}
