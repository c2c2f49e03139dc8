/**
 * The first exchange on a new connection: each side says which version of the protocol it speaks and
 * what it can do, and where the cluster has a token, both prove that they know it. Until it is over the
 * peer is a stranger, who gets little memory and little time.
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
import {
  isProof,
  makeNonce,
  NONCE_BYTES,
  type Nonces,
  prove,
  type Side,
} from "./authentication.ts";
import type { ConnectionSecurity } from "./security.ts";
import { type ByteStream, writeAll } from "./stream_comm.ts";
import {
  AuthenticationError,
  CommClosedError,
  ForeignPeerError,
  HandshakeError,
} from "./transport.ts";

/** Version of the protocol. Peers of different versions refuse each other. */
export const PROTOCOL_VERSION = 2;

/** What a stranger may send: its hello has two frames of some dozens of bytes. */
export const STRANGER_LIMITS: Readonly<FrameLimits> = {
  frames: 8,
  frameBytes: 16 * 1024,
  messageBytes: 16 * 1024,
};

const NO_HELLO = "its first message is no hello";
/** Longest part of a refusal that is shown: it comes from a stranger. */
const LONGEST_REFUSAL = 400;

/** What each side says first. */
interface Hello {
  /** Version of the protocol. */
  dusk: number;
  /** Compressions it wants on this connection, and is ready for. */
  compression: string[];
  /** Challenge to the other side: it has a token, and wants a proof that the other one has it too. */
  nonce?: Uint8Array<ArrayBuffer>;
  /** Why the listener does not take this connection. */
  refused?: string;
}

/** What comes next where both have a token; the connector's comes first. */
interface Verdict {
  proof?: Uint8Array<ArrayBuffer>;
  refused?: string;
}

/** How one side shakes hands. */
export interface HandshakeOptions {
  /** Whether this side has opened the connection or accepted it. */
  side: Side;
  /** What this side wants on this connection, best first, loaded. */
  compressions: Compression[];
  /** Has the token, if there is one. */
  security: ConnectionSecurity | undefined;
  /** For a listener: why it does not take this peer, whoever it may be. */
  refusal?: string;
  /** For a listener: waited for before a proof is looked at. */
  gate?: () => Promise<void>;
}

/**
 * Sends this side's hello, reads the peer's, and exchanges proofs. Bounding the time is the caller's: it
 * closes the stream.
 *
 * @param stream The new connection.
 * @param reader Reads its frames, under {@linkcode STRANGER_LIMITS}.
 * @param options See {@linkcode HandshakeOptions}.
 * @returns The compression that both sides want, or null.
 * @throws {AuthenticationError} When either side does not let the other in.
 * @throws {HandshakeError} When the peer is no Dusk, or of another version.
 * @throws {CommClosedError} When the peer closed instead of answering.
 */
export async function shakeHands(
  stream: ByteStream,
  reader: FrameReader,
  options: HandshakeOptions,
): Promise<Compression | null> {
  const { side, compressions, security, refusal } = options;
  const nonce = security?.token === undefined ? undefined : makeNonce();
  const own: Hello = {
    dusk: PROTOCOL_VERSION,
    compression: compressions,
    nonce,
    refused: refusal,
  };
  // Both at once, and to the end of both: the peer must learn this side's version, to name it.
  const [sent, received] = await Promise.allSettled([send(stream, own), receive(reader)]);
  if (received.status === "rejected") throw received.reason;
  if (sent.status === "rejected") throw sent.reason;
  const hello = checkHello(received.value);
  if (refusal !== undefined) throw new AuthenticationError(refusal);
  if (side === "connector" && hello.refused !== undefined) {
    throw new AuthenticationError(shown(hello.refused));
  }
  if (nonce !== undefined && hello.nonce !== undefined) {
    const nonces = side === "connector"
      ? { connector: nonce, listener: hello.nonce }
      : { connector: hello.nonce, listener: nonce };
    if (side === "connector") await proveFirst(stream, reader, security!, nonces);
    else await proveSecond(stream, reader, security!, nonces, options.gate);
  } else if (nonce !== undefined) {
    throw new AuthenticationError(
      "this side has a token and the peer has none: give both the same, or neither one",
    );
  } else if (hello.nonce !== undefined) {
    throw new AuthenticationError(
      "the peer wants a token, and this side has none: give it by --token-file or DUSK_TOKEN, or in a " +
        "program of your own by the option `security` (new Security({ token })), by a scheduler " +
        "file, or by DUSK_TOKEN and configure()",
    );
  }
  return compressions.find((name) => hello.compression.includes(name)) ?? null;
}

/** The connector's part: a listener shows nothing to who has not shown anything. */
async function proveFirst(
  stream: ByteStream,
  reader: FrameReader,
  security: ConnectionSecurity,
  nonces: Nonces,
): Promise<void> {
  const proof = await prove(security, "connector", nonces, PROTOCOL_VERSION);
  await send(stream, { proof });
  const answer = checkVerdict(await receive(reader));
  if (answer.refused !== undefined) throw new AuthenticationError(shown(answer.refused));
  if (!await isProofOf("listener", answer, security, nonces)) {
    throw new AuthenticationError(
      "the peer does not know this side's token: give both the same",
    );
  }
}

async function proveSecond(
  stream: ByteStream,
  reader: FrameReader,
  security: ConnectionSecurity,
  nonces: Nonces,
  gate: (() => Promise<void>) | undefined,
): Promise<void> {
  const answer = checkVerdict(await receive(reader));
  await gate?.();
  if (!await isProofOf("connector", answer, security, nonces)) {
    await send(stream, { refused: "its token is another than this side's: give both the same" });
    throw new AuthenticationError("its token is another than this side's");
  }
  await send(stream, { proof: await prove(security, "listener", nonces, PROTOCOL_VERSION) });
}

async function isProofOf(
  side: Side,
  { proof }: Verdict,
  security: ConnectionSecurity,
  nonces: Nonces,
): Promise<boolean> {
  return proof !== undefined && await isProof(security, side, nonces, PROTOCOL_VERSION, proof);
}

async function send(stream: ByteStream, message: Hello | Verdict): Promise<void> {
  for (const buffer of encodeFrames(dumps(message))) await writeAll(stream, buffer);
}

/** The peer's next message: some map, or it is no Dusk. */
async function receive(reader: FrameReader): Promise<Readonly<Record<string, unknown>>> {
  let frames: Uint8Array[] | null;
  try {
    frames = await reader.next();
  } catch (error) {
    if (error instanceof FrameError) throw noDusk(error);
    throw error;
  }
  if (frames === null) {
    throw new CommClosedError("the peer closed the connection during the handshake");
  }
  let message: unknown;
  try {
    message = loads(frames, { bytes: STRANGER_LIMITS.messageBytes });
  } catch (error) {
    throw noDusk(error);
  }
  if (typeof message !== "object" || message === null) throw noDusk(NO_HELLO);
  return message as Record<string, unknown>;
}

function checkHello(message: Readonly<Record<string, unknown>>): Hello {
  const { dusk, compression, nonce, refused } = message;
  if (typeof dusk !== "number") throw noDusk(NO_HELLO);
  if (dusk !== PROTOCOL_VERSION) {
    throw new HandshakeError(
      `the peer speaks version ${dusk} of the protocol, this side version ` +
        `${PROTOCOL_VERSION}: run the same version of Dusk on both`,
    );
  }
  if (nonce !== undefined && (!isBytes(nonce) || nonce.length !== NONCE_BYTES)) {
    throw noDusk(`the challenge in its hello has not ${NONCE_BYTES} bytes`);
  }
  return {
    dusk,
    compression: Array.isArray(compression)
      ? compression.filter((name) => typeof name === "string")
      : [],
    nonce,
    refused: typeof refused === "string" ? refused : undefined,
  };
}

function checkVerdict({ proof, refused }: Readonly<Record<string, unknown>>): Verdict {
  return {
    proof: isBytes(proof) ? proof : undefined,
    refused: typeof refused === "string" ? refused : undefined,
  };
}

function isBytes(value: unknown): value is Uint8Array<ArrayBuffer> {
  return value instanceof Uint8Array;
}

/** A stranger's words, with nothing in them that a terminal would act on. */
function shown(words: string): string {
  return words.slice(0, LONGEST_REFUSAL).replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, " ");
}

function noDusk(cause: unknown): ForeignPeerError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new ForeignPeerError(`the peer does not speak Dusk's protocol: ${why}`, { cause });
}
