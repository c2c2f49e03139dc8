/**
 * Launch tasks from tasks: what there is to do is known only when the first task has looked.
 *
 *     deno run -A examples/tasks_from_tasks.ts
 *
 * @module
 */
import { Client, LocalCluster, workerClient } from "../mod.ts";

// Workers of one thread each, whose tasks may do nothing but compute.
await using cluster = await LocalCluster.create({
  nWorkers: 2,
  threadsPerWorker: 1,
  processes: true,
  permissions: "none",
});
await using client = await Client.connect(cluster);

/** Stands for a download: a list of which nobody knows how long it will be. */
const downloadAndConvertToList = (seed: number) => Array.from({ length: seed % 10 }, (_, i) => i);

async function processAll(seed: number): Promise<number> {
  const data = downloadAndConvertToList(seed);
  await using e = await workerClient(); // makes room for the tasks that this one waits for
  const elements = await e.scatter(data);
  const futures = e.map((element: number) => element * seed, elements);
  const analysis = e.submit((values: number[]) => values.reduce((a, b) => a + b, 0), futures);
  return await analysis.result();
}
console.log(await client.submit(processAll, 1005).result());

// Tasks that submit tasks that submit tasks …; the same call is computed once.
async function fib(n: number): Promise<number> {
  if (n < 2) return n;
  await using e = await workerClient();
  const [a, b] = await e.gather([e.submit(fib, n - 1), e.submit(fib, n - 2)]);
  return a + b;
}
console.log(await client.submit(fib, 12).result());
