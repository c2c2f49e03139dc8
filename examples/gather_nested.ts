/**
 * Gather whole structures: futures in arrays, objects and maps come back as their values.
 *
 *     deno run -A examples/gather_nested.ts
 *
 * @module
 */
import { Client } from "../mod.ts";

await using client = await Client.connect();

const add = (x: number, y: number) => x + y;

const three = client.submit(add, 1, 2);
const sums = client.map(add, [1, 2, 3], [10, 20, 30]);

console.log(await client.gather({ three, sums, fixed: "as it is" }));
console.log(await client.gather(new Map([["a", [three]], ["b", sums]])));

// A structure of futures works as an argument, too.
const scale = (point: { x: number; y: number }, by: number) => ({
  x: point.x * by,
  y: point.y * by,
});
console.log(await client.submit(scale, { x: three, y: sums[0] }, 2).result());

// The same function on the same arguments is the same task: it has the same key, and runs once.
console.log(three.key === client.submit(add, 1, 2).key);
