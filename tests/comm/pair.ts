/**
 * Fixtures of the comm tests: both ends of a comm, the lines of the log, and a stranger's raw socket.
 *
 * @module
 */
import {
  type Comm,
  connect,
  type ConnectOptions,
  listen,
  type Listener,
  type ListenOptions,
} from "../../comm/comm.ts";
import { getAddressHostPort } from "../../comm/addresses.ts";
import { configureLogging, type LogLevel, resetLogging } from "../../config/logging.ts";
import { encodeFrames } from "../../protocol/frames.ts";
import { dumps } from "../../protocol/pack.ts";

/** Both ends of a comm. */
export interface Pair extends AsyncDisposable {
  listener: Listener;
  /** The end that connected. */
  here: Comm;
  /** The end that was accepted. */
  there: Comm;
}

/** Opens a comm to a listener on an address; disposing aborts both ends. */
export async function openPair(
  address: string,
  options: ConnectOptions & ListenOptions = {},
): Promise<Pair> {
  const accepted = Promise.withResolvers<Comm>();
  const listener = listen(address, (comm) => accepted.resolve(comm), options);
  await listener.start();
  const here = await connect(listener.contactAddress, options);
  const there = await accepted.promise;
  return {
    listener,
    here,
    there,
    async [Symbol.asyncDispose]() {
      listener.stop();
      here.abort();
      there.abort();
      await Promise.resolve();
    },
  };
}

/** Collects the lines of the log until disposed. */
export class LogLines implements Disposable {
  readonly lines: string[] = [];
  #waiting: { text: string; resolve: (line: string) => void }[] = [];

  constructor(level: LogLevel = "info") {
    configureLogging({ level, sink: (line) => this.#add(line) });
  }

  /** Resolves with the first line, from the past or to come, that holds the text. */
  waitFor(text: string): Promise<string> {
    const found = this.lines.find((line) => line.includes(text));
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.push({ text, resolve }));
  }

  #add(line: string): void {
    this.lines.push(line);
    this.#waiting = this.#waiting.filter(({ text, resolve }) => {
      if (!line.includes(text)) return true;
      resolve(line);
      return false;
    });
  }

  [Symbol.dispose](): void {
    resetLogging();
  }
}

/** A connection that knows nothing of comms. */
export class Stranger implements Disposable {
  readonly conn: Deno.TcpConn | Deno.TlsConn;

  constructor(conn: Deno.TcpConn | Deno.TlsConn) {
    this.conn = conn;
  }

  static async connect(address: string): Promise<Stranger> {
    const [hostname, port] = getAddressHostPort(address);
    return new Stranger(await Deno.connect({ hostname, port }));
  }

  /** Writes all of the bytes. */
  async write(bytes: Uint8Array | string): Promise<void> {
    let rest = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
    while (rest.byteLength > 0) rest = rest.subarray(await this.conn.write(rest));
  }

  /** Writes a message as a comm would. */
  async writeMessage(message: unknown): Promise<void> {
    for (const buffer of encodeFrames(dumps(message))) await this.write(buffer);
  }

  /** Reads until the other side closes; gives the number of bytes. */
  async readToEnd(): Promise<number> {
    const buffer = new Uint8Array(64 * 1024);
    let total = 0;
    try {
      for (let count; (count = await this.conn.read(buffer)) !== null;) total += count;
    } catch (error) {
      // Over TLS, a connection that is cut off is no end.
      const { ConnectionReset, UnexpectedEof } = Deno.errors;
      if (!(error instanceof ConnectionReset || error instanceof UnexpectedEof)) throw error;
    }
    return total;
  }

  [Symbol.dispose](): void {
    this.conn.close();
  }
}

/** Numbers as unsigned 64-bit little-endian words. */
export function words(...numbers: (number | bigint)[]): Uint8Array {
  return new Uint8Array(BigUint64Array.from(numbers, BigInt).buffer);
}

/** Resolves when the condition holds, looked at after each turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 0));
}
