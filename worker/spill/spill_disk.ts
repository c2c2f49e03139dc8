/**
 * Results on disk: a folder of numbered files, and how much is in them.
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
    const path = `${this.#folder.path}/${this.#nextNumber++}`;
    try {
      const file = await this.#during(writeSpilledFile(path, value));
      this.bytes += file.size;
      this.bytesWritten += file.size;
      return file;
    } catch (error) {
      this.#pausedUntil = performance.now() + PAUSE_MS;
      logger.error(`Could not write a result to disk, it stays in memory: ${error}`);
      return undefined;
    }
  }

  /**
   * Read a result.
   *
   * @param file What {@linkcode write} gave.
   * @throws {Error} When it cannot be had any more.
   */
  async read(file: SpilledFile): Promise<Serialized> {
    const value = await this.#during(readSpilledFile(file));
    this.bytesRead += file.size;
    return value;
  }

  /** As {@linkcode read}, at once: the event loop stands still meanwhile. */
  readSync(file: SpilledFile): Serialized {
    const value = readSpilledFileSync(file);
    this.bytesRead += file.size;
    return value;
  }

  /** Remove a result. */
  remove(file: SpilledFile): void {
    this.bytes -= file.size;
    this.#during(removeSpilledFile(file.path)).catch((error) => {
      logger.warn(`Could not remove a result from disk: ${error}`);
    });
  }

  /** Remove the folder, once nothing is written or read any more. */
  async close(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay);
    await this.#folder.remove();
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
