/**
 * A TLS socket of `node:tls` as the stream of bytes that a comm is made of.
 *
 * @module
 */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ByteStream } from "./stream_comm.ts";
import { CommClosedError } from "./transport.ts";

/** Bytes that wait to be read before the peer is held up. */
const MOST_WAITING = 1024 * 1024;
/** Bytes handed to TLS at a time: all of them are copied, and encrypted in one go. */
const MOST_AT_ONCE = 512 * 1024;

/** A read that waits for bytes. */
interface Waiting {
  readonly into: Uint8Array;
  readonly resolve: (count: number | null) => void;
  readonly reject: (error: unknown) => void;
}

/** What Node has below a socket, and does not document. */
interface ReadHandle {
  readStop(): void;
  readStart(): void;
}

/**
 * The bytes of one TLS connection. One read and one write at a time.
 *
 * A peer that is not read is held up at the handle of the TCP socket. When the TLS socket is paused, Deno
 * goes on taking what the peer sends, and loses the end that comes meanwhile
 * (docs/decisions/0012-tls-by-node-tls.md).
 */
export class TlsStream implements ByteStream {
  readonly #socket: TLSSocket;
  readonly #raw: Socket;
  readonly #chunks: Uint8Array[] = [];
  /** Bytes in the chunks. */
  #waitingBytes = 0;
  #isHeldUp = false;
  #reader: Waiting | undefined;
  #rejectWrite: ((error: unknown) => void) | undefined;
  #ended = false;
  #error: unknown;

  /**
   * @param socket The connection, its handshake done.
   * @param raw The TCP socket below it.
   * @param describe Puts errors of TLS into words.
   */
  constructor(socket: TLSSocket, raw: Socket, describe: (error: unknown) => unknown) {
    this.#socket = socket;
    this.#raw = raw;
    socket.on("data", (chunk: Uint8Array) => this.#take(chunk));
    socket.on("end", () => this.#end());
    socket.on("error", (error) => this.#fail(describe(error)));
    socket.on("close", () => this.#fail(new CommClosedError("the connection is closed")));
  }

  read(into: Uint8Array): Promise<number | null> {
    if (this.#chunks.length > 0) return Promise.resolve(this.#give(into));
    if (this.#error !== undefined && !this.#ended) return Promise.reject(this.#error);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#reader = { into, resolve, reject };
    });
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.#error !== undefined) return Promise.reject(this.#error);
    const part = bytes.byteLength > MOST_AT_ONCE ? bytes.subarray(0, MOST_AT_ONCE) : bytes;
    return new Promise((resolve, reject) => {
      this.#rejectWrite = reject;
      this.#socket.write(part, (error) => {
        this.#rejectWrite = undefined;
        if (error) reject(this.#error ?? error);
        else resolve(part.byteLength);
      });
    });
  }

  closeWrite(): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#error !== undefined) return reject(this.#error);
      this.#rejectWrite = reject;
      this.#socket.end(() => {
        this.#rejectWrite = undefined;
        resolve();
      });
    });
  }

  close(): void {
    this.#fail(new CommClosedError("this end has closed the connection"));
    this.#socket.destroy();
    this.#raw.destroy();
  }

  #take(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#waitingBytes += chunk.byteLength;
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader.resolve(this.#give(reader.into));
    }
    if (this.#waitingBytes > MOST_WAITING && !this.#isHeldUp) {
      this.#isHeldUp = true;
      this.#handle?.readStop();
    }
  }

  /** Moves as much as there is, and fits. */
  #give(into: Uint8Array): number {
    let count = 0;
    let used = 0;
    while (used < this.#chunks.length && count < into.byteLength) {
      const chunk = this.#chunks[used];
      const room = into.byteLength - count;
      if (chunk.byteLength <= room) {
        into.set(chunk, count);
        count += chunk.byteLength;
        used++;
      } else {
        into.set(chunk.subarray(0, room), count);
        this.#chunks[used] = chunk.subarray(room);
        count += room;
      }
    }
    this.#chunks.splice(0, used);
    this.#waitingBytes -= count;
    if (this.#isHeldUp && this.#waitingBytes <= MOST_WAITING / 2 && !this.#ended) {
      this.#isHeldUp = false;
      this.#handle?.readStart();
    }
    return count;
  }

  /** Null once the socket is closed. */
  get #handle(): ReadHandle | null | undefined {
    return (this.#raw as { _handle?: ReadHandle | null })._handle;
  }

  #end(): void {
    this.#ended = true;
    this.#reader?.resolve(null);
    this.#reader = undefined;
  }

  #fail(error: unknown): void {
    this.#error ??= error;
    this.#reader?.reject(this.#error);
    this.#reader = undefined;
    this.#rejectWrite?.(this.#error);
    this.#rejectWrite = undefined;
  }
}
