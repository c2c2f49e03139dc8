/**
 * Results on disk: a folder of numbered files, of one large result or many small ones, and how much is in them.
 *
 * @module
 */
import { getLogger } from "../../config/logging.ts";
import type { Serialized } from "../../protocol/serialized.ts";
import {
  readSpilledFile,
  readSpilledFileSync,
  removeSpilledFile,
  type SpilledFile,
  writeSpilledFile,
} from "./spill_file.ts";
import { SpillFolder } from "./spill_folder.ts";
import { type PackedResult, readPacked, readPackedSync, writePack } from "./spill_pack.ts";

/** A result on disk. */
export type SpilledResult = SpilledFile | PackedResult;

const logger = getLogger("distributed.worker.spill");

/** For how long nothing is written after a write that failed, in milliseconds. */
const PAUSE_MS = 5000;

/** The disk, for one worker's results. */
export class SpillDisk {
  /** Bytes in all files together. */
  bytes = 0;
  /** Bytes that were written and read in all. */
  bytesWritten = 0;
  bytesRead = 0;
  readonly #folder: SpillFolder;
  #nextNumber = 0;
  #pausedUntil = -Infinity;
  /** What goes on in the folder. */
  readonly #underWay: Set<Promise<unknown>> = new Set();

  private constructor(folder: SpillFolder) {
    this.#folder = folder;
  }

  /**
   * Make a folder for results.
   *
   * @param parent Where; undefined: in the system's folder for temporary files.
   * @throws {SpillFolderError} When it cannot be made.
   */
  static async open(parent: string | undefined): Promise<SpillDisk> {
    return new SpillDisk(await SpillFolder.make(parent));
  }

  /** The folder. */
  get path(): string {
    return this.#folder.path;
  }

  /** Whether it makes sense to write now: not right after the disk was full, say. */
  get isWritable(): boolean {
    return performance.now() >= this.#pausedUntil;
  }

  /**
   * Write a result.
   *
   * @param value The result, not to be changed meanwhile.
   * @returns Where it is; undefined when it could not be written, which is logged.
   */
  async write(value: Serialized): Promise<SpilledFile | undefined> {
    const [file] = await this.#write(async (path) => [await writeSpilledFile(path, value)]);
    return file;
  }

  /**
   * Write small results together.
   *
   * @param values The results, not to be changed meanwhile.
   * @returns Where they are; empty when they could not be written, which is logged.
   */
  writeTogether(values: readonly Serialized[]): Promise<PackedResult[]> {
    return this.#write((path) => writePack(path, values));
  }

  /**
   * Read a result.
   *
   * @param result What {@linkcode write} or {@linkcode writeTogether} gave.
   * @throws {Error} When it cannot be had any more.
   */
  async read(result: SpilledResult): Promise<Serialized> {
    const reading = "pack" in result ? readPacked(result) : readSpilledFile(result);
    const value = await this.#during(reading);
    this.bytesRead += result.size;
    return value;
  }

  /** As {@linkcode read}, at once: the event loop stands still meanwhile. */
  readSync(result: SpilledResult): Serialized {
    const value = "pack" in result ? readPackedSync(result) : readSpilledFileSync(result);
    this.bytesRead += result.size;
    return value;
  }

  /** Remove a result; the file of small ones goes with the last of them. */
  remove(result: SpilledResult): void {
    this.bytes -= result.size;
    if ("pack" in result && --result.pack.wanted > 0) return;
    const { path } = "pack" in result ? result.pack : result;
    this.#during(removeSpilledFile(path)).catch((error) => {
      logger.warn(`Could not remove a result from disk: ${error}`);
    });
  }

  /** Remove the folder, once nothing is written or read any more. */
  async close(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await this.#folder.remove();
  }

  /** Writes a file, and returns what is in it. */
  async #write<T extends SpilledResult>(write: (path: string) => Promise<T[]>): Promise<T[]> {
    try {
      const results = await this.#during(write(`${this.#folder.path}/${this.#nextNumber++}`));
      for (const { size } of results) {
        this.bytes += size;
        this.bytesWritten += size;
      }
      return results;
    } catch (error) {
      this.#pausedUntil = performance.now() + PAUSE_MS;
      logger.error(`Could not write results to disk, they stay in memory: ${error}`);
      return [];
    }
  }

  async #during<T>(work: Promise<T>): Promise<T> {
    this.#underWay.add(work);
    try {
      return await work;
    } finally {
      this.#underWay.delete(work);
    }
  }
}
