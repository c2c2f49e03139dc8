/**
 * What goes wrong stays where it is: errors of tasks, dependents of failed tasks, tasks that take too
 * long, and tasks that are not wanted any more.
 *
 *     deno run -A examples/errors_and_limits.ts
 *
 * @module
 */
import { Client } from "../mod.ts";

await using client = await Client.connect();

const divide = (x: bigint, y: bigint) => x / y;
const double = (x: bigint) => 2n * x;

// A task's own error is thrown where its result is asked for; what depends on it fails the same way.
const failed = client.submit(divide, 1n, 0n);
const dependent = client.submit(double, failed);
try {
  await dependent.result();
} catch (error) {
  console.log(`${(error as Error).name}: ${(error as Error).message}`);
}
console.log(`${failed.status}, ${dependent.status}`);

// Gather the good ones and leave out the others.
const some = client.map(divide, [6n, 6n, 6n], [1n, 0n, 3n]);
console.log(await client.gather(some, { errors: "skip" }));

// A task in an endless loop is stopped when its time is over, and its thread goes on with the next.
const spin = () => {
  for (;;);
};
const endless = client.with({ timeout: 0.5 }).submit(spin);
console.log(`endless: ${((await endless.exception()) as Error).name}`);

// A cancelled future has no result.
const unwanted = client.with({ pure: false, timeout: 60 }).submit(spin);
unwanted.cancel();
console.log(`unwanted: ${unwanted.status}`);

// What belongs to this process alone cannot go along with a function: `submit` refuses it, by name.
using log = await Deno.open(new URL(import.meta.url));
try {
  client.submit(() => log.stat());
} catch (error) {
  console.log((error as Error).message);
}
