/**
 * From local values to data on the cluster.
 *
 * @module
 */
import { readBlobs, UnreadBlobError } from "../protocol/blob_bytes.ts";
import type { UpdateData } from "../protocol/messages.ts";
import { isName } from "../protocol/names.ts";
import type { Serialized } from "../protocol/serialized.ts";
import { tokenize } from "../protocol/tokenize.ts";
import { serialize, typeName } from "../protocol/values.ts";
import { RemoteError } from "../comm/remote.ts";
import { getLogger } from "../config/logger.ts";
import type { Future } from "./future.ts";
import type { NeededParts } from "./outbox.ts";
import type { Session } from "./session.ts";
import { copyBuffers } from "./task_arguments.ts";
import { isIterator, isPlainObject } from "./structure.ts";
import {
  checkBoolean,
  checkNames,
  checkSeconds,
  checkWorkers,
  OptionError,
} from "./task_options.ts";

const logger = getLogger("distributed.client");

/** Options of `scatter`. */
export interface ScatterOptions {
  /** Put each value on all workers, or all of `workers`. Default: each on one, in turn. */
  broadcast?: boolean;
  /** Addresses, hosts or names of the workers to put the data on. Default: all. */
  workers?: string | readonly string[];
  /** Name the data by its content, so that equal data has one key. Default: true. */
  hash?: boolean;
  /** Seconds to wait for workers. Default: the client's timeout. */
  timeout?: number;
}

/** Data could not be put on the cluster. */
export class ScatterError extends Error {
  /**
   * Make the error.
   *
   * @param message Why.
   */
  constructor(message: string) {
    super(message);
    this.name = "ScatterError";
  }
}

/** One value on its way. */
interface Item {
  readonly key: string;
  readonly value: Serialized;
  readonly type: string;
  /** The code that the value refers to. */
  readonly code: NeededParts;
}

/** Options that have been checked. */
export interface CheckedScatterOptions {
  broadcast: boolean;
  workers: string[] | undefined;
  hash: boolean;
  timeout: number | undefined;
}

/** Check the options of `scatter`. */
export function checkScatterOptions(options: ScatterOptions): CheckedScatterOptions {
  checkNames(options, ["broadcast", "workers", "hash", "timeout"], "scatter()");
  return {
    broadcast: checkBoolean("broadcast", options.broadcast) ?? false,
    workers: options.workers === undefined ? undefined : checkWorkers(options.workers),
    hash: checkBoolean("hash", options.hash) ?? true,
    timeout: checkSeconds("timeout", options.timeout),
  };
}

/**
 * Put data on workers.
 *
 * @returns A future, or an array or object of futures, like the data.
 */
export async function scatterData(
  session: Session,
  data: unknown,
  options: CheckedScatterOptions,
): Promise<unknown> {
  session.check("scatter()");
  if (Array.isArray(data) || isIterator(data)) {
    const items: Item[] = [];
    for (const value of [...data]) {
      items.push(await encode(session, value, undefined, options.hash));
    }
    return await place(session, items, options);
  }
  if (isPlainObject(data)) {
    const names = Object.keys(data);
    const wrong = names.find((name) => !isName(name));
    if (wrong !== undefined) {
      throw new OptionError(
        `scatter(): the name ${JSON.stringify(String(wrong).slice(0, 60))} cannot be a key`,
      );
    }
    const items: Item[] = [];
    for (const name of names) items.push(await encode(session, data[name], name, options.hash));
    const futures = await place(session, items, options);
    return Object.fromEntries(names.map((name, i) => [name, futures[i]]));
  }
  const item = await encode(session, data, undefined, options.hash);
  const [future] = await place(session, [item], options);
  return future;
}

/** One value as it travels. The Blobs in it are read first: that cannot be done while it is encoded. */
async function encode(
  session: Session,
  value: unknown,
  name: string | undefined,
  byContent: boolean,
): Promise<Item> {
  let code = session.capture.writer();
  let encoded: Serialized;
  try {
    encoded = serialize(value, { name: "data", code });
  } catch (error) {
    if (!(error instanceof UnreadBlobError)) throw error;
    await readBlobs(error);
    code = session.capture.writer();
    encoded = serialize(value, { name: "data", code });
  }
  const type = typeName(value);
  const key = name ?? `${type}-${byContent ? tokenize(encoded) : crypto.randomUUID()}`;
  // In one process nothing is sent: the cluster would keep the user's own memory.
  const shares = session.options.address.startsWith("inproc:");
  return { key, type, code, value: shares ? copyBuffers(encoded) : encoded };
}

async function place(
  session: Session,
  items: readonly Item[],
  options: CheckedScatterOptions,
): Promise<Future<unknown>[]> {
  if (items.length === 0) return [];
  const workers = await findWorkers(session, options);
  const unique = [...new Map(items.map((item) => [item.key, item])).values()];
  const assignment = options.broadcast
    ? new Map(workers.map(([address]) => [address, unique]))
    : inTurn(unique, workers, session);
  const placed = new Map<string, string[]>();
  const unplaced = new Set<Item>();
  await Promise.all(
    Array.from(assignment, ([address, part]) => send(session, address, part, placed, unplaced)),
  );
  for (const item of unplaced) if (placed.has(item.key)) unplaced.delete(item);
  let byScheduler: Record<string, string[]> = {};
  if (unplaced.size > 0) byScheduler = await sendThroughScheduler(session, [...unplaced], options);
  session.check("scatter()");
  if (unplaced.size < unique.length) announce(session, unique, placed);
  return items.map(({ key, type }) => {
    const state = session.table.states.get(key) ?? session.table.add(key);
    state.update = session.outbox.updates;
    state.finish(placed.get(key) ?? byScheduler[key] ?? [], type);
    return session.future(state);
  });
}

/** The workers to use with their numbers of cores; waits until there are any. */
async function findWorkers(
  session: Session,
  options: CheckedScatterOptions,
): Promise<[address: string, cores: number][]> {
  let found: [string, number][] = [];
  const { workers } = options;
  const timeout = options.timeout ?? session.options.timeout;
  const which = workers === undefined ? "workers" : `workers ${workers.join(", ")}`;
  await session.until(
    async () => {
      const ncores = await session.call<Record<string, number>>("scatter()", "ncores", { workers });
      found = Object.entries(ncores);
      return found.length > 0;
    },
    timeout,
    `scatter(): the cluster had no ${which} to put the data on`,
  );
  return found;
}

/** Deal out the items, as many in a row to a worker as it has cores. */
function inTurn(
  items: readonly Item[],
  workers: readonly [address: string, cores: number][],
  session: Session,
): Map<string, Item[]> {
  const turn: string[] = [];
  for (const [address, cores] of workers) {
    for (let i = 0; i < Math.max(1, cores); i++) turn.push(address);
  }
  const assignment = new Map<string, Item[]>();
  items.forEach((item, i) => {
    const address = turn[(session.scatterTurn + i) % turn.length];
    const part = assignment.get(address);
    if (part === undefined) assignment.set(address, [item]);
    else part.push(item);
  });
  session.scatterTurn = (session.scatterTurn + items.length) % turn.length;
  return assignment;
}

async function send(
  session: Session,
  address: string,
  items: readonly Item[],
  placed: Map<string, string[]>,
  unplaced: Set<Item>,
): Promise<void> {
  const { direct } = session.options;
  if (direct === false || (direct === undefined && !session.fetcher.isReachable(address))) {
    for (const item of items) unplaced.add(item);
    return;
  }
  const data = Object.fromEntries(items.map((item) => [item.key, item.value]));
  try {
    await session.workers.call(address, "update-data", { data }, { signal: session.signal });
  } catch (error) {
    session.check("scatter()");
    if (direct === true || error instanceof RemoteError) throw error;
    logger.warn(`Could not scatter to ${address}: ${error}`);
    session.fetcher.markUnreachable(address);
    for (const item of items) unplaced.add(item);
    return;
  }
  for (const { key } of items) {
    const holders = placed.get(key);
    if (holders === undefined) placed.set(key, [address]);
    else holders.push(address);
  }
}

/** The scheduler puts the data on workers itself, and notes that this client wants it. */
async function sendThroughScheduler(
  session: Session,
  items: readonly Item[],
  options: CheckedScatterOptions,
): Promise<Record<string, string[]>> {
  const reply = await session.call<{
    status: string;
    message?: string;
    whoHas?: Record<string, string[]>;
  }>("scatter()", "scatter", {
    data: Object.fromEntries(items.map((item) => [item.key, item.value])),
    types: Object.fromEntries(items.map((item) => [item.key, item.type])),
    needs: needsOf(items),
    // All of them: this goes another way than what has been sent on the stream.
    parts: Object.fromEntries(items.flatMap(({ code }) => [...code.parts])),
    workers: options.workers,
    broadcast: options.broadcast,
    client: session.options.id,
  });
  if (reply.status !== "OK") throw new ScatterError(reply.message ?? "scatter failed");
  return reply.whoHas ?? {};
}

/** Tell the scheduler where data is that this client has put on workers. */
function announce(
  session: Session,
  items: readonly Item[],
  placed: ReadonlyMap<string, string[]>,
): void {
  const nbytes: Record<string, number> = {};
  const types: Record<string, string> = {};
  for (const { key, value, type } of items) {
    if (!placed.has(key)) continue;
    nbytes[key] = value.nbytes;
    types[key] = type;
  }
  const whoHas = Object.fromEntries(placed);
  const message: UpdateData = { op: "update-data", whoHas, nbytes, types };
  const needs = needsOf(items);
  if (needs !== undefined) {
    message.needs = needs;
    const parts = session.outbox.partsFor(items.map(({ code }) => code));
    if (parts !== undefined) message.parts = parts;
  }
  session.outbox.add(message);
}

/** Names of the parts that values refer to, by key; undefined when none refers to any. */
function needsOf(items: readonly Item[]): Record<string, string[]> | undefined {
  const needing = items.filter(({ code }) => code.needs.length > 0);
  if (needing.length === 0) return undefined;
  return Object.fromEntries(needing.map(({ key, code }) => [key, [...code.needs]]));
}
