/**
 * Moving data through the scheduler, for clients that do not reach the workers themselves: `gather`
 * collects results from the workers that hold them, `scatter` puts a client's values on workers.
 *
 * @module
 */
import type { ConnectionPool } from "../comm/connection_pool.ts";
import { Serialized } from "../protocol/serialized.ts";

/**
 * Answer to `gather`: all of it; or what was found, and which keys could not be had and where they had
 * been looked for.
 */
export type GatherReply =
  | { status: "OK"; data: Record<string, Serialized> }
  | {
    status: "error";
    data: Record<string, Serialized>;
    missing: Record<string, string[]>;
  };

/**
 * Collect results from workers. A key that one holder does not give is asked of the next.
 *
 * @param whoHas Where each key is believed to be.
 * @param pool Connections to workers.
 * @returns The data of the keys that were found, and the holders tried in vain for the others.
 */
export async function gatherFromWorkers(
  whoHas: Record<string, readonly string[]>,
  pool: ConnectionPool,
): Promise<{ data: Record<string, Serialized>; missing: Record<string, string[]> }> {
  // Without a prototype: every other object has a "constructor", which may be a key here.
  const data: Record<string, Serialized> = Object.create(null);
  const missing: Record<string, string[]> = Object.create(null);
  let open = Object.keys(whoHas);
  // Each key begins with another of its holders, so that copies share the work.
  for (let round = 0; open.length > 0; round++) {
    const byWorker = new Map<string, string[]>();
    for (let i = 0; i < open.length; i++) {
      const key = open[i];
      const holders = whoHas[key];
      if (round >= holders.length) {
        missing[key] = holders.slice();
        continue;
      }
      const worker = holders[(key.charCodeAt(key.length - 1) + round) % holders.length];
      const keys = byWorker.get(worker);
      if (keys === undefined) byWorker.set(worker, [key]);
      else keys.push(key);
    }
    const failed: string[] = [];
    await Promise.all(Array.from(byWorker, async ([worker, keys]) => {
      const got = await getData(pool, worker, keys);
      for (const key of keys) {
        const value = got[key];
        if (value instanceof Serialized) data[key] = value;
        else failed.push(key);
      }
    }));
    open = failed;
  }
  return { data, missing };
}

/**
 * Put values on workers: each on one, or on all of them.
 *
 * @param data The values by key.
 * @param assignment The keys for each worker, see {@linkcode assignByCores}.
 * @param pool Connections to workers.
 * @returns Where each key is now. A key whose worker could not be reached is missing from it.
 */
export async function scatterToWorkers(
  data: Record<string, Serialized>,
  assignment: Map<string, string[]>,
  pool: ConnectionPool,
): Promise<Record<string, string[]>> {
  const whoHas: Record<string, string[]> = Object.create(null);
  await Promise.all(Array.from(assignment, async ([worker, keys]) => {
    const part: Record<string, Serialized> = {};
    for (const key of keys) part[key] = data[key];
    try {
      await pool.rpc(worker).updateData({ data: part });
    } catch {
      return; // The caller sees which keys have found no place.
    }
    for (const key of keys) (whoHas[key] ??= []).push(worker);
  }));
  return whoHas;
}

/**
 * Deal keys out to workers in turn, to each as many at a time as it has threads.
 *
 * @param keys The keys to place.
 * @param workers The workers with their numbers of threads; not empty.
 * @param first Where in the turn to begin, counted in threads.
 */
export function assignByCores(
  keys: readonly string[],
  workers: readonly { address: string; nthreads: number }[],
  first: number,
): Map<string, string[]> {
  const turn: string[] = [];
  for (const { address, nthreads } of workers) {
    for (let i = 0; i < Math.max(1, nthreads); i++) turn.push(address);
  }
  const assignment = new Map<string, string[]>();
  for (let i = 0; i < keys.length; i++) {
    const worker = turn[(first + i) % turn.length];
    const assigned = assignment.get(worker);
    if (assigned === undefined) assignment.set(worker, [keys[i]]);
    else assigned.push(keys[i]);
  }
  return assignment;
}

async function getData(
  pool: ConnectionPool,
  worker: string,
  keys: string[],
): Promise<Record<string, Serialized>> {
  // Without a prototype: see above.
  const data: Record<string, Serialized> = Object.create(null);
  try {
    for (let open = keys; open.length > 0;) {
      const reply = await pool.rpc(worker).getData({ keys: open }) as {
        data?: Record<string, Serialized>;
        later?: string[];
      };
      Object.assign(data, reply.data);
      // What it has on disk it may not read all at once.
      const later = new Set(reply.later);
      const left = open.filter((key) => later.has(key));
      open = left.length < open.length ? left : [];
    }
  } catch {
    // A worker that cannot be asked has nothing to give; the caller reports it missing.
  }
  return data;
}
