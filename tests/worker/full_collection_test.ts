/** What there is of large buffers once garbage has been collected. */
import assert from "node:assert/strict";

/** Prints how many bytes count as used, of 40 MB that nobody uses, after a collection. */
const program = `
import { collectFully } from ${
  JSON.stringify(import.meta.resolve("../../worker/full_collection.ts"))
};
const leaveGarbage = () => {
  for (let i = 0; i < 4; i++) new Uint8Array(10_000_000).fill(i);
};
collectFully(gc);
const before = Deno.memoryUsage().external;
leaveGarbage();
collectFully(gc);
console.log(Deno.memoryUsage().external - before);
`;

Deno.test("large buffers that nobody uses do not count as used after a collection", async () => {
  // As compiled programs are started. With a collector that was asked for later it would be no test.
  const child = new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-config", "--v8-flags=--expose-gc", program],
    stderr: "inherit",
  });
  const { stdout, success } = await child.output();
  assert(success);
  const left = Number(new TextDecoder().decode(stdout));
  assert(left < 5_000_000, `${left} bytes`);
});
