/**
 * One stream of a worker or a client, from its registration to its end.
 *
 * @module
 */
import { CommClosedError } from "../comm/comm.ts";
import { getLogger } from "../config/logging.ts";
import type { Message } from "../protocol/messages.ts";
import { now } from "./clock.ts";
import { MalformedMessageError } from "./message_checks.ts";
import type { Peer } from "./peers.ts";

const logger = getLogger("distributed.scheduler");

/**
 * Takes one message, at once. Returns false when the peer says goodbye.
 *
 * @throws {MalformedMessageError} When the message makes no sense: the stream is closed then.
 */
export type OnMessage = (peer: Peer, message: Message, time: number) => boolean;

/** What a stream needs of the scheduler. */
export interface StreamEvents {
  onMessage: OnMessage;
  /** Called after each batch of messages. */
  afterBatch(): void;
  /** Told of an error that should not be, which the stream survives. */
  onFault(where: string, error: unknown): void;
}

/**
 * Answer a registration, then take the peer's messages until its connection ends, for whichever
 * reason. Each batch is handled at once.
 *
 * @param peer Who it is; its sender is started here.
 * @param reply Answer to its registration.
 * @param events What is done with what it says.
 * @returns Settles when the connection has ended. Never rejects.
 */
export async function takeStream(peer: Peer, reply: unknown, events: StreamEvents): Promise<void> {
  const { comm, sender } = peer;
  try {
    await comm.write(reply);
    sender.start(comm);
    let open = true;
    while (open) {
      const batch = await comm.read();
      open = takeBatch(peer, batch, events);
      events.afterBatch();
    }
    await sender.close();
  } catch (error) {
    if (error instanceof MalformedMessageError) {
      logger.error(`Closed the connection of ${peer.id} (${comm.peerAddress}): ${error.message}`);
      events.afterBatch();
    } else if (!(error instanceof CommClosedError)) {
      events.onFault(`stream of ${peer.id}`, error);
    }
    sender.abort();
    comm.abort();
  }
}

/** Handle the messages of one batch; false when the peer has said goodbye. */
function takeBatch(peer: Peer, batch: unknown, events: StreamEvents): boolean {
  if (!Array.isArray(batch)) throw new MalformedMessageError("a stream carries lists of messages");
  const time = now();
  for (let i = 0; i < batch.length; i++) {
    const message = batch[i];
    if (typeof message !== "object" || message === null) {
      throw new MalformedMessageError("a message must be a map");
    }
    try {
      if (!events.onMessage(peer, message, time)) return false;
    } catch (error) {
      if (error instanceof MalformedMessageError) throw error;
      // A fault of the scheduler's own must not take the cluster along.
      events.onFault(`message ${message.op} of ${peer.id}`, error);
    }
  }
  return true;
}
