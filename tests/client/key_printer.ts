/** Prints the keys of some calls, for a test that compares them with those of another process. */
import { Client } from "../../client/client.ts";
import { FakeScheduler } from "./fake_scheduler.ts";

/** Calls whose arguments have many kinds of values. */
export function someKeys(client: Client): string[] {
  function add(x: number, y: number): number {
    return x + y;
  }
  const shape = (_value: unknown, ..._more: unknown[]) => 0;
  const future = client.submit(add, 1, 2);
  const futures = [
    future,
    client.submit(add, 0.1, -0),
    client.submit((x) => x, "text"),
    client.submit(shape, { b: 1, a: [NaN, null, undefined, 5n] }, new Map([["k", new Set([1])]])),
    client.submit(shape, new Float64Array(5_000).fill(0.5), new Date(0), /x/g),
    client.submit(shape, [future, { future }], 2 ** 40, -7, "é\ud800"),
    ...client.map(add, [1, 2], [future, 4]),
  ];
  return futures.map((each) => each.key);
}

if (import.meta.main) {
  await using scheduler = await FakeScheduler.start();
  await using client = await Client.connect(scheduler.address);
  console.log(JSON.stringify(someKeys(client)));
}
