/**
 * Writes and reads all of some bytes, however many the system takes or gives at a time.
 *
 * @module
 */

/** Write bytes where the file stands. */
export async function writeAll(file: Deno.FsFile, bytes: Uint8Array): Promise<void> {
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
}

/** Fill a buffer from where the file stands. Returns whether there was enough. */
export async function readAll(file: Deno.FsFile, into: Uint8Array): Promise<boolean> {
  for (let filled = 0; filled < into.length;) {
    const read = await file.read(into.subarray(filled));
    if (read === null) return false;
    filled += read;
  }
  return true;
}

/** As {@linkcode readAll}, at once: the event loop stands still meanwhile. */
export function readAllSync(file: Deno.FsFile, into: Uint8Array): boolean {
  for (let filled = 0; filled < into.length;) {
    const read = file.readSync(into.subarray(filled));
    if (read === null) return false;
    filled += read;
  }
  return true;
}
