/**
 * The scheduler file: a small JSON file, on a file system that machines share, by which workers and
 * clients find their scheduler. It may hold the cluster's token, so it is its owner's only.
 *
 * @module
 */
import { FileContentError, readSmallFile } from "./small_file.ts";

/** What a scheduler says of itself. */
export interface SchedulerFile {
  /** Address to reach it at. */
  address: string;
  /** All its addresses. */
  addresses: string[];
  /** Its name: unique to this run of it. */
  id: string;
  /** The secret of the cluster, where it has one. */
  token?: string;
  /** When it was started, in seconds since 1970. */
  started: number;
}

/** A scheduler file that cannot be written, or that is none. The message names it. */
export class SchedulerFileError extends Error {
  /** Name of the class. */
  override readonly name = "SchedulerFileError";
}

/** How the file says what it is. */
const TYPE = "Scheduler";
/** A larger file is something else. */
const MOST_BYTES = 64 * 1024;
const MOST_ADDRESSES = 100;
const LONGEST_TEXT = 4096;
/** Seconds between two looks. A file system over the network does not tell of changes. */
const LOOK_INTERVAL = 0.1;
/** Seconds that a file that is no JSON may still be on its way: not every copy of it is made at once. */
const HALF_WRITTEN = 1;

/**
 * Writes a scheduler file: at once as a whole, in the place of one that is there, and readable by its
 * owner only from the first byte on.
 *
 * @param path Where.
 * @param contents What it says.
 * @throws {SchedulerFileError} When it cannot be written there.
 */
export async function writeSchedulerFile(path: string, contents: SchedulerFile): Promise<void> {
  const slash = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  const temporary = `${path.slice(0, slash)}.${path.slice(slash)}.${crypto.randomUUID()}`;
  const text = JSON.stringify({ type: TYPE, ...contents }, null, 2) + "\n";
  try {
    const file = await Deno.open(temporary, { write: true, createNew: true, mode: 0o600 });
    try {
      for (let rest = new TextEncoder().encode(text); rest.length > 0;) {
        rest = rest.subarray(await file.write(rest));
      }
      await file.syncData();
    } finally {
      file.close();
    }
    await Deno.rename(temporary, path);
  } catch (error) {
    await Deno.remove(temporary).catch(() => {}); // it may not have come into being
    throw new SchedulerFileError(
      `the scheduler file ${JSON.stringify(path)} cannot be written: ${
        (error as Error).message
      }; ` +
        "name a file in a folder that is there and that this user may write to",
      { cause: error },
    );
  }
}

/**
 * Waits until there is a scheduler file, and reads it.
 *
 * @param path The file.
 * @param options.timeout How long to wait, in seconds.
 * @param options.signal Ends the wait; what is thrown then is its reason.
 * @returns What it says.
 * @throws {SchedulerFileError} When there is none in time, it cannot be read, or is none of a scheduler.
 *
 * @example
 * ```ts ignore
 * const { address } = await waitForSchedulerFile("/shared/scheduler.json", { timeout: 60 });
 * ```
 */
export async function waitForSchedulerFile(
  path: string,
  options: { timeout: number; signal?: AbortSignal },
): Promise<SchedulerFile> {
  const { timeout, signal } = options;
  const start = performance.now();
  let brokenSince: number | undefined;
  while (true) {
    signal?.throwIfAborted();
    try {
      const found = await readSchedulerFile(path);
      if (found !== undefined) return found;
      brokenSince = undefined;
    } catch (error) {
      if (!(error instanceof NoJsonError)) throw error;
      brokenSince ??= performance.now();
      if (secondsSince(brokenSince) >= Math.min(HALF_WRITTEN, timeout)) throw error;
    }
    const left = timeout - secondsSince(start);
    if (left <= 0 && brokenSince === undefined) {
      throw new SchedulerFileError(
        `there has been no scheduler file ${JSON.stringify(path)} for ${timeout} s: start ` +
          "dusk-scheduler with this --scheduler-file, on a file system that both machines share",
      );
    }
    await sleep(Math.min(LOOK_INTERVAL, Math.max(left, 0.01)), signal);
  }
}

/**
 * Removes a scheduler file, if it is still the scheduler's own: a later one may have put its file there.
 *
 * @param path The file.
 * @param id The scheduler's name.
 * @throws {SchedulerFileError} When it is there and cannot be removed.
 */
export async function removeSchedulerFile(path: string, id: string): Promise<void> {
  let found: SchedulerFile | undefined;
  try {
    found = await readSchedulerFile(path);
  } catch {
    return; // what cannot be read as a scheduler file is not this scheduler's
  }
  if (found?.id !== id) return;
  try {
    await Deno.remove(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new SchedulerFileError(
      `the scheduler file ${JSON.stringify(path)} cannot be removed: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** The file is no JSON: perhaps it is being written. */
class NoJsonError extends SchedulerFileError {}

/** What is in the file; undefined: there is none. */
async function readSchedulerFile(path: string): Promise<SchedulerFile | undefined> {
  let text: string;
  try {
    text = await readSmallFile(path, MOST_BYTES);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    if (error instanceof FileContentError) throw foreign(path, error.message);
    throw new SchedulerFileError(
      `the scheduler file ${JSON.stringify(path)} cannot be read: ${(error as Error).message}; ` +
        "it is readable by the user only who runs the scheduler",
      { cause: error },
    );
  }
  let data: Record<string, unknown> | null;
  try {
    data = JSON.parse(text);
  } catch {
    // What V8 says of it may show a part of the token.
    throw new NoJsonError(foreign(path, "is no JSON").message);
  }
  return checkContents(path, data);
}

function checkContents(path: string, data: Record<string, unknown> | null): SchedulerFile {
  if (typeof data !== "object" || data === null || data.type !== TYPE) {
    throw foreign(path, `has no "type": "${TYPE}"`);
  }
  const { address, addresses, id, token, started } = data;
  if (!isAddress(address)) throw foreign(path, "has no address");
  if (
    !Array.isArray(addresses) || addresses.length > MOST_ADDRESSES || !addresses.every(isAddress)
  ) {
    throw foreign(path, "has no addresses");
  }
  if (!isText(id)) throw foreign(path, "has no id");
  if (token !== undefined && !isText(token)) throw foreign(path, "has a token that is no text");
  if (typeof started !== "number") throw foreign(path, "does not say when it was started");
  return { address, addresses, id, started, ...(token === undefined ? {} : { token }) };
}

function isText(value: unknown): value is string {
  return typeof value === "string" && value !== "" && value.length <= LONGEST_TEXT;
}

function isAddress(value: unknown): value is string {
  return isText(value) && /^[a-z][a-z0-9+.-]*:\/\/[^\s\p{Cc}]+$/u.test(value);
}

function foreign(path: string, why: string): SchedulerFileError {
  return new SchedulerFileError(
    `${JSON.stringify(path)} is no scheduler file: it ${why}; name the file that dusk-scheduler ` +
      "has written with --scheduler-file",
  );
}

function secondsSince(start: number): number {
  return (performance.now() - start) / 1000;
}

function sleep(seconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, seconds * 1000);
    signal?.addEventListener("abort", done);
  });
}
