/** What there is of memory once garbage has been collected. */
import assert from "node:assert/strict";

/** Runs a program with the collector, as compiled programs are started. Returns the number that it prints. */
async function numberFrom(program: string): Promise<number> {
  // With a collector that was asked for later it would be no test.
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "--v8-flags=--expose-gc", program],
    stderr: "inherit",
  });
  const { stdout, success } = await child.output();
  assert(success);
  return Number(new TextDecoder().decode(stdout));
}

const collectors = `
import { exposedCollector, exposedReleaser } from ${
  JSON.stringify(import.meta.resolve("../../worker/full_collection.ts"))
};
`;

for (const collector of ["exposedCollector", "exposedReleaser"]) {
  Deno.test(`large buffers that nobody uses do not count as used after ${collector}`, async () => {
    const left = await numberFrom(`${collectors}
      const leaveGarbage = () => {
        for (let i = 0; i < 4; i++) new Uint8Array(10_000_000).fill(i);
      };
      ${collector}();
      const before = Deno.memoryUsage().external;
      leaveGarbage();
      ${collector}();
      console.log(Deno.memoryUsage().external - before);
    `);
    assert(left < 5_000_000, `${left} bytes`);
  });
}

Deno.test("a heap that has shrunk goes back to the system", async () => {
  const left = await numberFrom(`${collectors}
    let kept = [];
    exposedReleaser();
    const before = Deno.memoryUsage().rss;
    for (let i = 0; i < 500_000; i++) kept.push({ i, list: [i], more: { text: "x" + i } });
    kept = [];
    exposedReleaser();
    console.log(Deno.memoryUsage().rss - before);
  `);
  assert(left < 40_000_000, `${left} bytes`);
});
