/**
 * A comm over a stream of bytes: messages to frames and back. What carries the bytes (TCP, later TLS)
 * is handed in, after {@linkcode shakeHands}.
 *
 * @module
 */
import { getLogger } from "../config/logging.ts";
import type { Compression } from "../protocol/compression.ts";
import { encodeFrames, type FrameReader } from "../protocol/frames.ts";
import { dumps, loads } from "../protocol/pack.ts";
import {
  beginSending,
  beginUse,
  dropOldSpares,
  endSending,
  endUse,
} from "../protocol/spare_memory.ts";
import { awakeTimer } from "./awake_timer.ts";
import type { SilenceWatch } from "./silence_watch.ts";
import { type Comm, CommClosedError } from "./transport.ts";

/** The bytes in both directions; a `Deno.Conn` is one. */
export interface ByteStream {
  /** Reads what is there, at most the buffer's length; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes some of the bytes; gives how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends this direction; the peer can still send. */
  closeWrite(): Promise<void>;
  /** Ends both directions. Called once. */
  close(): void;
}

/** What a {@linkcode StreamComm} is made from. */
export interface StreamCommParts {
  /** Carries the bytes. */
  stream: ByteStream;
  /** Reads frames off `stream`; it may hold bytes that came right behind the handshake. */
  reader: FrameReader;
  /** Address of this end. */
  localAddress: string;
  /** Address of the other end. */
  peerAddress: string;
  /** Compression of what is sent. */
  compression: Compression | null;
  /** Seconds without progress after which close gives up on sending. */
  closeTimeout: number;
  /** Notices when the peer's machine is gone; absent: the system does. */
  watch?: SilenceWatch;
}

/** Milliseconds that close waits for the peer to see the end and to close as well. */
const LINGER_MS = 200;
const DRAIN_BYTES = 16 * 1024;

const logger = getLogger("distributed.comm");

/**
 * Writes all of the bytes.
 *
 * @param stream Where to.
 * @param bytes What to write.
 * @param progress Called with each number of bytes taken.
 */
export async function writeAll(
  stream: ByteStream,
  bytes: Uint8Array,
  progress?: (count: number) => void,
): Promise<void> {
  let rest = bytes;
  while (rest.byteLength > 0) {
    const count = await stream.write(rest);
    progress?.(count);
    if (count === rest.byteLength) return;
    rest = rest.subarray(count);
  }
}

/** Messages as frames over a stream of bytes. */
export class StreamComm implements Comm {
  readonly localAddress: string;
  readonly peerAddress: string;
  readonly sharesMemory = false;
  readonly extraInfo: Readonly<Record<string, unknown>>;

  readonly #stream: ByteStream;
  readonly #reader: FrameReader;
  readonly #packing: { compression: Compression | null };
  readonly #unpacking: { bytes: number };
  readonly #closeTimeout: number;
  readonly #watch: SilenceWatch | undefined;
  readonly #progress = (count: number) => {
    if (this.#state !== "closed") this.#pendingBytes -= count;
  };

  #state: "open" | "closing" | "closed" = "open";
  /** Why it closed, where that was not this end's wish. */
  #cause: unknown;
  #reading: Promise<Uint8Array[] | null> | undefined;
  /** The last write; it settles after those before it. */
  #writing: Promise<void> | undefined;
  #writes = 0;
  #pendingBytes = 0;
  #closing: Promise<void> | undefined;

  /**
   * Makes a comm of a stream that is ready for messages.
   *
   * @param parts What it is made from.
   */
  constructor(parts: StreamCommParts) {
    this.#stream = parts.stream;
    this.#reader = parts.reader;
    this.localAddress = parts.localAddress;
    this.peerAddress = parts.peerAddress;
    this.#packing = { compression: parts.compression };
    this.#unpacking = { bytes: parts.reader.limits.messageBytes };
    this.#closeTimeout = parts.closeTimeout;
    this.extraInfo = Object.freeze({ compression: parts.compression });
    beginUse();
    this.#watch = parts.watch;
    this.#watch?.start((error) => this.#fail(error));
  }

  get closed(): boolean {
    return this.#state !== "open";
  }

  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  async read(): Promise<unknown> {
    if (this.#state !== "open") throw this.#closedError();
    if (this.#reading !== undefined) {
      throw new Error(`a read on the comm to ${this.peerAddress} is under way already`);
    }
    try {
      let frames: Uint8Array[] | null | undefined = this.#reader.nextBuffered();
      if (frames === undefined) {
        this.#reading = this.#reader.next();
        frames = await this.#reading;
        this.#reading = undefined;
        this.#watch?.heard();
      }
      // A message that arrives while this end is closing is not wanted any more.
      if (this.#state === "open") {
        dropOldSpares();
        if (frames !== null) return loads(frames, this.#unpacking);
        this.#fail(new CommClosedError("the peer has closed it"));
      }
    } catch (error) {
      this.#reading = undefined;
      this.#fail(error);
    }
    throw this.#closedError();
  }

  write(message: unknown): Promise<void> {
    if (this.#state !== "open") return Promise.reject(this.#closedError());
    let buffers: Uint8Array[];
    try {
      buffers = encodeFrames(dumps(message, this.#packing));
    } catch (error) {
      return Promise.reject(error);
    }
    for (let i = 0; i < buffers.length; i++) this.#pendingBytes += buffers[i].byteLength;
    beginSending(buffers);
    dropOldSpares();
    this.#writes++;
    return this.#writing = this.#send(buffers, this.#writing);
  }

  async #send(buffers: Uint8Array[], before: Promise<void> | undefined): Promise<void> {
    let isSent = false;
    try {
      if (before !== undefined) await before;
      for (let i = 0; i < buffers.length; i++) {
        await writeAll(this.#stream, buffers[i], this.#progress);
      }
      isSent = true;
    } catch (error) {
      this.#fail(error);
      throw this.#closedError();
    } finally {
      endSending(buffers, isSent);
      if (--this.#writes === 0) this.#writing = undefined;
    }
  }

  close(): Promise<void> {
    if (this.#state === "closed") return this.#closing ?? Promise.resolve();
    this.#state = "closing";
    return this.#closing ??= this.#close();
  }

  abort(): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#watch?.stop();
    this.#pendingBytes = 0;
    endUse();
    this.#stream.close();
  }

  async #close(): Promise<void> {
    await this.#flush();
    const linger = setTimeout(() => this.abort(), LINGER_MS);
    try {
      // A socket that is closed with unread bytes in it resets the connection, and the peer may then
      // lose what it has not read yet. So: say that nothing more comes, and read to the peer's end.
      if (this.#state === "closing") await this.#stream.closeWrite();
      if (this.#state === "closing") await this.#drain();
    } catch {
      // The peer was quicker, or is gone: all that is left to do is to close.
    } finally {
      clearTimeout(linger);
      this.abort();
    }
  }

  /** Waits until all is written, or there is no progress for the close timeout. */
  async #flush(): Promise<void> {
    while (this.#writing !== undefined) {
      const before = this.#pendingBytes;
      const stalled = Promise.withResolvers<void>();
      const stopTimer = awakeTimer(this.#closeTimeout, stalled.resolve);
      // The writer gets the error of a failed write; here it only ends the wait.
      await Promise.race([this.#writing.catch(() => {}), stalled.promise]);
      stopTimer();
      if (this.#writing !== undefined && this.#pendingBytes === before) {
        logger.warn(`Gave up on sending ${before} bytes to ${this.peerAddress}: it takes nothing`);
        return this.abort();
      }
    }
  }

  async #drain(): Promise<void> {
    if (this.#reading !== undefined && await this.#reading === null) return;
    const scratch = new Uint8Array(DRAIN_BYTES);
    while (await this.#stream.read(scratch) !== null);
  }

  /** Closes because of an error that is not this end's doing. */
  #fail(error: unknown): void {
    if (this.#state !== "open") return;
    this.#cause = error;
    this.abort();
    if (!isConnectionError(error)) {
      logger.warn(`Closed the comm to ${this.peerAddress}: ${messageOf(error)}`);
    }
  }

  #closedError(): CommClosedError {
    const between = `comm ${this.localAddress} to ${this.peerAddress}`;
    if (this.#closing !== undefined) {
      return new CommClosedError(`this end has closed the ${between}`);
    }
    if (this.#cause === undefined) return new CommClosedError(`the ${between} is closed`);
    return new CommClosedError(`the ${between} ended: ${messageOf(this.#cause)}`, {
      cause: this.#cause,
    });
  }
}

/** Whether the error says that the connection is gone, which is part of life. */
function isConnectionError(error: unknown): boolean {
  const { errors } = Deno;
  return error instanceof CommClosedError || error instanceof errors.ConnectionReset ||
    error instanceof errors.ConnectionAborted || error instanceof errors.BrokenPipe ||
    error instanceof errors.NotConnected || error instanceof errors.UnexpectedEof ||
    error instanceof errors.TimedOut || error instanceof errors.BadResource ||
    error instanceof errors.Interrupted;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
