/**
 * `deno task demo`: how late are flights? Computed on a cluster of two worker processes: the flights
 * are cut into parts that are put on the workers, each part is summarized where it is, and the
 * summaries are combined two by two. At the end the answer is compared with a plain loop's.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { asCompleted, Client, type Future, LocalCluster } from "../mod.ts";
import { combine, computeHere, summarize, type Summary } from "./delays.ts";
import { type Flight, loadCities, loadFlights } from "./flights.ts";
import { ProgressLine } from "./progress_line.ts";
import { report } from "./report.ts";

const FLIGHTS_PER_PART = 250;

function partition(flights: Flight[]): Flight[][] {
  const parts: Flight[][] = [];
  for (let i = 0; i < flights.length; i += FLIGHTS_PER_PART) {
    parts.push(flights.slice(i, i + FLIGHTS_PER_PART));
  }
  return parts;
}

/** Submit the whole tree of tasks; nothing is waited for. The last future is the answer. */
function submitTree(client: Client, parts: Future<Flight[]>[]): Future<Summary>[] {
  let level = client.map(summarize, parts);
  const all = [...level];
  while (level.length > 1) {
    const pairs = level.length >> 1;
    const left = level.filter((_, i) => i % 2 === 0 && i < 2 * pairs);
    const right = level.filter((_, i) => i % 2 === 1);
    const combined = client.map(combine, left, right);
    all.push(...combined);
    level = level.length % 2 === 0 ? combined : [...combined, level.at(-1)!];
  }
  return all;
}

async function computeOnCluster(flights: Flight[]): Promise<Summary> {
  await using cluster = await LocalCluster.create({
    processes: true,
    nWorkers: 2,
    threadsPerWorker: 1,
  });
  await using client = await Client.connect(cluster);
  console.log(`Cluster: a scheduler and ${cluster.workers.length} worker processes of one thread`);

  const start = performance.now();
  const parts = await client.scatter(partition(flights));
  const futures = submitTree(client, parts);
  const progress = new ProgressLine("Summarize and combine", futures.length);
  for await (const _ of asCompleted(futures)) progress.advance();
  progress.stop();
  const summary = await futures.at(-1)!.result();
  const seconds = (performance.now() - start) / 1000;

  const held = Object.values(await client.hasWhat()).map((keys) => keys.length);
  console.log(`${futures.length} tasks on ${parts.length} parts in ${seconds.toFixed(2)} s`);
  console.log(`Parts and summaries that the two workers hold now: ${held.join(" and ")}\n`);
  return summary;
}

const flights = await loadFlights();
console.log(`Data: ${flights.length} flights of 2001, from vega-datasets`);
const summary = await computeOnCluster(flights);
console.log(report(summary, await loadCities()));
if (isDeepStrictEqual(summary, computeHere(flights))) {
  console.log("\nThe same computation without a cluster agrees, to the last minute.");
} else {
  console.error("\nWRONG: the same computation without a cluster gives another result.");
  Deno.exit(1);
}
