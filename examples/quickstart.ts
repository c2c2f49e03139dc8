/**
 * Map and submit functions, and get the results back.
 *
 *     deno run -A examples/quickstart.ts
 *
 * @module
 */
import { Client } from "../mod.ts";

// Without an address, a scheduler and workers start in this program.
await using client = await Client.connect();

const square = (x: number) => x ** 2;
const neg = (x: number) => -x;
const sum = (xs: number[]) => xs.reduce((a, b) => a + b, 0);

// Each call returns at once, with futures: names of results that are, or will be, on the cluster.
const squares = client.map(square, Array.from({ length: 10 }, (_, i) => i));
const negatives = client.map(neg, squares); // futures as arguments: no data moves to here
const total = client.submit(sum, negatives); // a list of futures as one argument

console.log(await total.result()); // -285
console.log(await client.gather(squares)); // [0, 1, 4, …, 81]
