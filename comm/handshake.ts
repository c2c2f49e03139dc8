/**
 * The first exchange on a new connection: each side says which version of the protocol it speaks and
 * what it can do. Until it is over the peer is a stranger, who gets little memory and little time.
 *
 * @module
 */
import type { Compression } from "../protocol/compression.ts";
import {
  encodeFrames,
  FrameError,
  type FrameLimits,
  type FrameReader,
} from "../protocol/frames.ts";
import { dumps, loads } from "../protocol/pack.ts";
import { type ByteStream, writeAll } from "./stream_comm.ts";
import { CommClosedError, HandshakeError } from "./transport.ts";

/** Version of the protocol. Peers of different versions refuse each other. */
export const PROTOCOL_VERSION = 1;

/** What a stranger may send: its hello has two frames of some dozens of bytes. */
export const STRANGER_LIMITS: Readonly<FrameLimits> = {
  frames: 8,
  frameBytes: 16 * 1024,
  messageBytes: 16 * 1024,
};

/** What each side says first. */
export interface Hello {
  /** Version of the protocol. */
  dusk: number;
  /** Compressions it wants on this connection, and is ready for. */
  compression: string[];
}

/**
 * Sends this side's hello and reads the peer's. Bounding the time is the caller's: it closes the stream.
 *
 * @param stream The new connection.
 * @param reader Reads its frames, under {@linkcode STRANGER_LIMITS}.
 * @param compressions What this side wants on this connection, best first, loaded.
 * @returns The compression that both sides want, or null.
 * @throws {HandshakeError} When the peer is no Dusk, or of another version.
 * @throws {CommClosedError} When the peer closed instead of answering.
 */
export async function shakeHands(
  stream: ByteStream,
  reader: FrameReader,
  compressions: Compression[],
): Promise<Compression | null> {
  const own: Hello = { dusk: PROTOCOL_VERSION, compression: compressions };
  // Both at once, and to the end of both: the peer must learn this side's version, to name it.
  const [sent, received] = await Promise.allSettled([sendHello(stream, own), reader.next()]);
  if (received.status === "rejected") {
    const error = received.reason;
    if (error instanceof FrameError) throw noDusk(error);
    throw error;
  }
  if (received.value === null) {
    throw new CommClosedError("the peer closed the connection during the handshake");
  }
  if (sent.status === "rejected") throw sent.reason;
  const hello = checkHello(received.value);
  return compressions.find((name) => hello.compression.includes(name)) ?? null;
}

async function sendHello(stream: ByteStream, hello: Hello): Promise<void> {
  for (const buffer of encodeFrames(dumps(hello))) await writeAll(stream, buffer);
}

function checkHello(frames: Uint8Array[]): Hello {
  let hello: Partial<Record<keyof Hello, unknown>> | null;
  try {
    hello = loads(frames, { bytes: STRANGER_LIMITS.messageBytes }) as typeof hello;
  } catch (error) {
    throw noDusk(error);
  }
  if (typeof hello !== "object" || hello === null || typeof hello.dusk !== "number") {
    throw noDusk(new Error("its first message is no hello"));
  }
  if (hello.dusk !== PROTOCOL_VERSION) {
    throw new HandshakeError(
      `the peer speaks version ${hello.dusk} of the protocol, this side version ` +
        `${PROTOCOL_VERSION}: run the same version of Dusk on both`,
    );
  }
  const compression = Array.isArray(hello.compression)
    ? hello.compression.filter((name) => typeof name === "string")
    : [];
  return { dusk: hello.dusk, compression };
}

function noDusk(cause: unknown): HandshakeError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new HandshakeError(`the peer does not speak Dusk's protocol: ${why}`, { cause });
}
