/**
 * Take results in the order in which they are ready, and add further work while doing so.
 *
 *     deno run -A examples/as_completed.ts
 *
 * @module
 */
import { asCompleted, Client } from "../mod.ts";

await using client = await Client.connect();

// Count down from a number, one task a step: 3 → 2 → 1 → 0.
const step = (x: number) => x - 1;

const completed = asCompleted(client.map(step, [3, 5, 8]));
let steps = 0;
let reachedZero = 0;
for await (const future of completed) {
  steps++;
  const left = await future.result();
  if (left > 0) completed.add(client.submit(step, future));
  else reachedZero++;
}
console.log(`${reachedZero} countdowns reached zero in ${steps} steps`);
