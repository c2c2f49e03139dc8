/** The permission flags of dusk-worker and dusk-remote, one by one: what tasks and scripts have by them. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { popen } from "../support/popen.ts";
import { startScheduler } from "../support/programs.ts";
import { permissionsOf } from "../support/script_checks.ts";
import { withRemote } from "../support/remote.ts";

const kinds = ["read", "write", "env", "sys", "run", "ffi", "net", "import"];

/** Flags, and the kinds of permission that they leave. */
const cases: [flags: string[], left: string[]][] = [
  ...kinds.map((kind): [string[], string[]] => [[`--allow-${kind}`], [kind]]),
  // Each is taken away once, and left once.
  [["--allow-all", ...kinds.slice(0, 4).map((kind) => `--deny-${kind}`)], kinds.slice(4)],
  [["-A", ...kinds.slice(4).map((kind) => `--deny-${kind}`)], kinds.slice(0, 4)],
  [["--allow-env", "--allow-sys", "--deny-env"], ["sys"]],
];

Deno.test("each permission flag of dusk-worker gives tasks its kind, or takes it away", async () => {
  await using scheduler = await startScheduler();
  const { address } = scheduler;
  await using client = await Client.connect(address);
  const workers = cases.map(([flags], i) =>
    popen("worker", [address, "--no-nanny", "--nthreads", "1", "--name", `w${i}`, ...flags])
  );
  try {
    for (const [i, [flags, left]] of cases.entries()) {
      await workers[i].printed(/Registered with/);
      const granted = await client.with({ workers: [`w${i}`], pure: false }).submit(
        (kinds: string[]) =>
          kinds.filter((name) =>
            Deno.permissions.querySync({ name } as Deno.PermissionDescriptor).state === "granted"
          ),
        kinds,
      ).result();
      assert.deepEqual(granted, left, flags.join(" "));
    }
  } finally {
    await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
  }
});

Deno.test("each permission flag of dusk-remote gives scripts its kind, or takes it away", async () => {
  // Scripts that may everything of a kind; "sys" and "net" have a list as well, to reach the cluster.
  const halves = [kinds.slice(0, 4), kinds.slice(4)].map((half): typeof cases[number] => [
    half.map((kind) => `--allow-${kind}`),
    half,
  ]);
  for (const [flags, left] of [...halves, ...cases.slice(kinds.length)]) {
    await withRemote(flags, async (cluster) => {
      assert.match(cluster.address, /^tcp:\/\/127\.0\.0\.1:/);
      assert.deepEqual(await permissionsOf(cluster), left, flags.join(" "));
    });
  }
});
