/**
 * Reads Blobs synchronously, for `submit`: no API does, so a helper thread reads them while this one
 * waits. The helper is started when there is something to read, and ended when it has read it.
 *
 * @module
 */
import { rememberBytes, UnreadBlobError } from "./blob_bytes.ts";
import { endInspection } from "./functions/inspector.ts";
import { SerializationError } from "./values_format.ts";

/** Milliseconds without any progress after which the helper is given up. */
const PATIENCE = 30_000;
/** Values are written anew after their Blobs were read; a getter that makes a new Blob each time is not waited for. */
const ATTEMPTS = 3;

/** Words of the memory shared with the helper. */
const PROGRESS = 0;
const DONE = 1;
const HEADER = 8;

/**
 * Says whether all went well (1) or not (2) when it is done, and then counts up, as with each piece: who
 * has seen the count has seen that too. Blob URLs need no permission.
 */
const HELPER = `self.onmessage = async ({ data: { url, memory } }) => {
  const words = new Int32Array(memory, 0, 2);
  const report = (done) => {
    Atomics.store(words, ${DONE}, done);
    Atomics.add(words, ${PROGRESS}, 1);
    Atomics.notify(words, ${PROGRESS});
  };
  try {
    let position = ${HEADER};
    for await (const piece of (await fetch(url)).body) {
      new Uint8Array(memory, position, piece.length).set(piece);
      position += piece.length;
      report(0);
    }
    report(position === memory.byteLength ? 1 : 2);
  } catch {
    report(2);
  }
};`;

/**
 * Encode a value that may hold Blobs which nobody has read: they are read, and it is encoded again.
 *
 * @param encode Encodes the value.
 * @returns What `encode` returned.
 * @throws {SerializationError} If a Blob cannot be read here.
 */
export function withBlobsSync<T>(encode: () => T): T {
  for (let attempt = 1;; attempt++) {
    try {
      return encode();
    } catch (error) {
      if (!(error instanceof UnreadBlobError) || attempt === ATTEMPTS) throw error;
      readFor(error);
    }
  }
}

function readFor(error: UnreadBlobError): void {
  try {
    readAll(error.blobs);
  } catch (cause) {
    throw new SerializationError(error.path, error.reason, { cause });
  }
}

function readAll(blobs: readonly Blob[]): void {
  // A thread that starts under the inspector waits a second for this one.
  endInspection();
  const helper = new Worker(`data:text/javascript,${encodeURIComponent(HELPER)}`, {
    type: "module",
  });
  try {
    for (const blob of blobs) rememberBytes(blob, readWith(helper, blob));
  } finally {
    helper.terminate();
  }
}

function readWith(helper: Worker, blob: Blob): Uint8Array {
  const memory = new SharedArrayBuffer(HEADER + blob.size);
  const words = new Int32Array(memory, 0, HEADER / 4);
  const url = URL.createObjectURL(blob);
  try {
    helper.postMessage({ url, memory });
    for (let seen = 0; Atomics.load(words, DONE) === 0; seen = Atomics.load(words, PROGRESS)) {
      if (Atomics.wait(words, PROGRESS, seen, PATIENCE) === "timed-out") {
        throw new Error(
          `a Blob of ${blob.size} bytes could not be read: no answer from its reader`,
        );
      }
    }
  } finally {
    URL.revokeObjectURL(url);
  }
  if (Atomics.load(words, DONE) === 2) {
    throw new Error(`a Blob of ${blob.size} bytes could not be read`);
  }
  // Not all APIs take shared memory.
  return new Uint8Array(memory, HEADER).slice();
}
