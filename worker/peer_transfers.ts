/**
 * Data between workers: fetches from peers, and serves what is in the store to whoever asks.
 *
 * @module
 */
import { awakeTimer } from "../comm/awake_timer.ts";
import type { Comm } from "../comm/comm.ts";
import { ConnectionPool } from "../comm/connection_pool.ts";
import { RemoteError } from "../comm/rpc.ts";
import type { ConnectionSecurity } from "../comm/security.ts";
import { CONNECTION_LIMIT_ERROR, Server } from "../comm/server.ts";
import { getLogger } from "../config/logging.ts";
import type { Message } from "../protocol/messages.ts";
import { Serialized } from "../protocol/serialized.ts";
import { MalformedMessageError } from "./stream_messages.ts";
import { ByteBudget } from "./byte_budget.ts";
import { Sending } from "./sending.ts";
import type { ResultStore } from "./store.ts";

const logger = getLogger("distributed.worker");

/** A peer's answer made no sense, or it took far too long. */
export class TransferError extends Error {
  override name = "TransferError";
}

/** A transfer may take this long, and a second more for each so many bytes. */
const PATIENCE_SECONDS = 60;
const LEAST_BANDWIDTH = 1e6;

/**
 * A peer is there or gone: it listened before anyone heard of it. So nobody waits for one that refuses
 * the connection, and not long for a machine that does not answer; while one that is only too busy to
 * shake hands, in a long computation say, has time for that.
 */
const REACH_TIMEOUT = 2;
const HANDSHAKE_TIMEOUT = 30;

/** A peer's answer, before it is looked at. */
type DataReply =
  | { status?: unknown; data?: Record<string, unknown>; later?: unknown }
  | null
  | undefined;

/** Options of {@linkcode PeerTransfers}. */
export interface PeerTransfersOptions {
  /** Seconds that a transfer may take beyond those for its size, or stand still. Default 60. */
  patience?: number;
  /** Bytes that may be read from disk for others at once; a single result may have more. Default: no limit. */
  mostFromDisk?: number;
  /** Certificates and token of the worker. */
  security?: ConnectionSecurity;
}

/** The transfers of one worker. */
export class PeerTransfers {
  readonly #store: ResultStore;
  readonly #pool: ConnectionPool;
  readonly #maxOutgoing: number;
  readonly #patience: number;
  readonly #fromDisk: ByteBudget;
  readonly #closing = new AbortController();
  /** How many peers are being sent data now. */
  outgoing = 0;

  /**
   * @param store The results of this worker.
   * @param maxOutgoing Most peers to send data to at once.
   * @param maxIncoming Most peers to fetch data from at once.
   * @param options See {@linkcode PeerTransfersOptions}.
   */
  constructor(
    store: ResultStore,
    maxOutgoing: number,
    maxIncoming: number,
    { patience = PATIENCE_SECONDS, mostFromDisk = Infinity, security }: PeerTransfersOptions = {},
  ) {
    this.#store = store;
    this.#maxOutgoing = maxOutgoing;
    this.#patience = patience;
    this.#fromDisk = new ByteBudget(mostFromDisk);
    this.#pool = new ConnectionPool({
      limit: maxIncoming,
      connectTimeout: HANDSHAKE_TIMEOUT,
      connect: { reachTimeout: REACH_TIMEOUT, handshakeTimeout: HANDSHAKE_TIMEOUT, security },
    });
  }

  /**
   * Fetch data from a peer.
   *
   * @param worker The peer's address.
   * @param keys What to fetch.
   * @param nbytes Its expected size in bytes.
   * @returns What the peer had of it; or that it is too busy now.
   * @throws {Error} When the peer cannot be reached, or breaks off.
   */
  async fetch(
    worker: string,
    keys: readonly string[],
    nbytes: number,
  ): Promise<Map<string, Serialized> | "busy"> {
    const tooLong = new AbortController();
    const seconds = this.#patience + nbytes / LEAST_BANDWIDTH;
    const giveUp = () => {
      tooLong.abort(new TransferError(`${worker} took longer than ${seconds} s to send data`));
    };
    const stopTimer = awakeTimer(seconds, giveUp);
    const signal = AbortSignal.any([tooLong.signal, this.#closing.signal]);
    try {
      const received = new Map<string, Serialized>();
      for (let open = keys; open.length > 0;) {
        // Once it has begun to send, it does not send away.
        const reply = await this.#call(worker, open, received.size === 0, signal);
        if (reply?.status === "busy") return "busy";
        if (reply?.status !== "OK" || typeof reply.data !== "object" || reply.data === null) {
          throw new TransferError(`${worker} answered with status ${reply?.status}`);
        }
        for (const key of open) {
          const value = reply.data[key];
          if (value instanceof Serialized) received.set(key, value);
        }
        const later = new Set<unknown>(Array.isArray(reply.later) ? reply.later : []);
        const left = open.filter((key) => later.has(key));
        // One that sends nothing but promises is not asked for ever.
        open = left.length < open.length ? left : [];
      }
      return received;
    } finally {
      stopTimer();
    }
  }

  async #call(
    worker: string,
    keys: readonly string[],
    mayBeBusy: boolean,
    signal: AbortSignal,
  ): Promise<DataReply> {
    try {
      return await this.#pool.call(worker, "get-data", { keys, mayBeBusy }, { signal });
    } catch (error) {
      // It has its hands full with connections: that is no reason to think that its data is gone.
      if (
        mayBeBusy && error instanceof RemoteError && error.remoteName === CONNECTION_LIMIT_ERROR
      ) {
        return { status: "busy" };
      }
      throw error;
    }
  }

  /**
   * Handler of `get-data`: answers with what is here of the keys, the stored frames themselves. Those that had
   * to be read from disk beyond what memory allows are named as `later`: to be asked for once more.
   */
  async serve(comm: Comm, message: Message): Promise<unknown> {
    const { keys, mayBeBusy } = message;
    if (!Array.isArray(keys) || !keys.every((key) => typeof key === "string")) {
      throw new MalformedMessageError('"keys" of a get-data message must be a list of names');
    }
    // Who does not know to come back later, such as a client, is served at once.
    if (mayBeBusy === true && this.outgoing >= this.#maxOutgoing) return { status: "busy" };
    this.outgoing++;
    const sending = new Sending(this.#store, this.#fromDisk, comm.sharesMemory);
    try {
      const reply = await sending.prepare(keys);
      const writing = comm.write(reply);
      const stopWatching = abortWhenStalled(comm, this.#patience);
      try {
        await writing;
      } finally {
        stopWatching();
      }
    } finally {
      sending.end();
      this.outgoing--;
    }
    return Server.noReply;
  }

  /** Break off what is being fetched, and close all connections. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#pool.close();
  }
}

/** One who asks for data and does not take it must not keep it from the others for ever. */
function abortWhenStalled(comm: Comm, patience: number): () => void {
  let left = comm.pendingBytes;
  const look = () => {
    if (comm.pendingBytes === left) {
      logger.warn(`${comm.peerAddress} asked for data and has taken none of it for ${patience} s`);
      comm.abort();
      return;
    }
    left = comm.pendingBytes;
    stop = awakeTimer(patience, look);
  };
  let stop = awakeTimer(patience, look);
  return () => stop();
}
