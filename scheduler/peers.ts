/**
 * The streams to all workers, or to all clients, by their address or id.
 *
 * @module
 */
import { BatchedSend } from "../comm/batched_send.ts";
import type { Comm } from "../comm/comm.ts";
import { getLogger } from "../config/logging.ts";

const logger = getLogger("distributed.scheduler");

/** A worker or a client, and the comm on which messages flow both ways. */
export interface Peer {
  /** Address of the worker, or id of the client. */
  readonly id: string;
  readonly comm: Comm;
  readonly sender: BatchedSend;
}

/** Streams to peers of one kind. */
export class Peers {
  readonly #kind: string;
  readonly #peers = new Map<string, Peer>();

  /** @param kind What they are, for the log: "worker" or "client". */
  constructor(kind: string) {
    this.#kind = kind;
  }

  /** Number of peers. */
  get size(): number {
    return this.#peers.size;
  }

  /** Whether all that was sent to them has gone out. */
  get isIdle(): boolean {
    for (const { sender } of this.#peers.values()) if (sender.pending > 0) return false;
    return true;
  }

  /** Their addresses or ids. */
  get ids(): string[] {
    return [...this.#peers.keys()];
  }

  /** Whether a peer of this id is there. */
  has(id: string): boolean {
    return this.#peers.has(id);
  }

  /**
   * Take in a peer. What is sent to it waits until its `sender` is started. An older peer of the same
   * id is cut off.
   */
  add(id: string, comm: Comm): Peer {
    this.cut(id);
    const sender = new BatchedSend({
      onError: (error) =>
        logger.warn(`Lost ${this.#kind} ${id} while sending to it`, { error: error as Error }),
    });
    const peer = { id, comm, sender };
    this.#peers.set(id, peer);
    return peer;
  }

  /** Forget a peer, if it is still the one of its id. Returns whether it was. */
  remove(peer: Peer): boolean {
    return this.#peers.get(peer.id) === peer && this.#peers.delete(peer.id);
  }

  /** Forget the peer of this id, and break its connection. */
  cut(id: string): void {
    const peer = this.#peers.get(id);
    if (peer === undefined) return;
    this.#peers.delete(id);
    peer.sender.abort();
    peer.comm.abort();
  }

  /** Send messages, in order. A peer that has left does not get them. */
  readonly send = (id: string, messages: readonly unknown[]): void => {
    const sender = this.#peers.get(id)?.sender;
    if (sender !== undefined && !sender.closed) sender.sendAll(messages);
  };

  /** Send what is pending, then close all connections. */
  async close(): Promise<void> {
    const peers = [...this.#peers.values()];
    this.#peers.clear();
    await Promise.all(peers.map((peer) => peer.sender.close()));
  }
}
