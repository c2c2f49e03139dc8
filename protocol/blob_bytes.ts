/**
 * The bytes of Blobs. No API reads them synchronously, but values are written synchronously: so they
 * are read first, and kept here for as long as the Blob lives.
 *
 * @module
 */
import { SerializationError } from "./values_format.ts";

const known = new WeakMap<Blob, Uint8Array>();

/** There are Blobs in a value whose bytes nobody has read; read them, then try again. */
export class UnreadBlobError extends SerializationError {
  /** All of them that the value has. */
  readonly blobs: readonly Blob[];

  /**
   * Make an error.
   *
   * @param path Where the first of them is.
   * @param blobs All of them.
   */
  constructor(path: string, blobs: readonly Blob[]) {
    super(
      path,
      "the bytes of a Blob have to be read before it travels; send await blob.bytes() instead",
    );
    this.blobs = blobs;
  }
}

/** The bytes of a Blob, if they have been read. Do not change them. */
export function blobBytes(blob: Blob): Uint8Array | undefined {
  return known.get(blob);
}

/** Note the bytes of a Blob, which must not change any more. Returns the Blob. */
export function rememberBytes<T extends Blob>(blob: T, bytes: Uint8Array): T {
  known.set(blob, bytes);
  return blob;
}

/**
 * Read the bytes of Blobs, so that a value that holds them can be written.
 *
 * @param blobs The Blobs; or the error that named them.
 */
export async function readBlobs(blobs: readonly Blob[] | UnreadBlobError): Promise<void> {
  const list = blobs instanceof UnreadBlobError ? blobs.blobs : blobs;
  await Promise.all(
    list.map(async (blob) => {
      rememberBytes(blob, new Uint8Array(await blob.arrayBuffer()));
    }),
  );
}
