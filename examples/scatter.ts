/**
 * Put data on the workers once, and run many tasks on it there.
 *
 *     deno run -A examples/scatter.ts
 *
 * @module
 */
import { Client, LocalCluster } from "../mod.ts";

await using cluster = await LocalCluster.create({ nWorkers: 2, threadsPerWorker: 1 });
await using client = await Client.connect(cluster);

const table = new Float64Array(1_000_000).map((_, i) => i % 10);
// A typed array is one piece of data, an array is as many as it has items.
const data = await client.scatter(table);
const parts = await client.scatter(["one", "two", "three"]);
console.log(`${data.type}, and ${parts.length} strings`);

const countOf = (array: Float64Array, digit: number) => array.filter((x) => x === digit).length;
const counts = client.map(countOf, Array(10).fill(data), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
console.log(await client.gather(counts));

// With `broadcast` every worker gets a copy.
const settings = await client.scatter(new Map([["scale", 3]]), { broadcast: true });
const holders = Object.values(await client.whoHas([settings]))[0];
console.log(`settings are on ${holders.length} workers`);
const scaled = (text: string, settings: Map<string, number>) => text.repeat(settings.get("scale")!);
console.log(await client.gather(client.map(scaled, parts, Array(parts.length).fill(settings))));
