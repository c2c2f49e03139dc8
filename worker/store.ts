/**
 * The results that a worker holds, as bytes: in memory and, where that is short, on disk. Those that were
 * used least recently go to disk first. The worker's main thread never looks inside; a peer gets the very
 * frames that are stored.
 *
 * @module
 */
import { getLogger } from "../config/logging.ts";
import type { Serialized } from "../protocol/serialized.ts";
import { discardFrames } from "./garbage.ts";
import type { SpillDisk, SpilledResult } from "./spill/spill_disk.ts";

const logger = getLogger("distributed.worker.spill");

/** Smaller results stay in memory: moving one costs more than it saves. In bytes. */
const LEAST_SPILLED = 1024;
/** Those below so many bytes go to disk together, and how many bytes in one file. */
const LEAST_ALONE = 64 * 1024;
const PACK_BYTES = 1024 * 1024;
/** More of them go than would have to, up to this part of what may stay: or each that comes would make a file. */
const AHEAD = 1 / 64;
/** How many results are written at once: the disk has always one to go on with. */
const MOST_WRITES = 2;

/** One result. */
interface Entry {
  readonly key: string;
  readonly nbytes: number;
  /** Undefined while it is on disk only. */
  value: Serialized | undefined;
  /** Undefined unless it is on disk, too. */
  file: SpilledResult | undefined;
  isWriting: boolean;
  /** How many use it in memory at this moment. */
  pins: number;
  /** Whether nobody else has its memory: then that can be given back at once. */
  isOwn: boolean;
}

/** A result that was asked for. */
export interface LoadedResult {
  readonly value: Serialized;
  /** Whether it is the asker's own, to do with as he likes: it was read from disk for him. */
  readonly isOwn: boolean;
}

/** Results by key, with their exact size. */
export class ResultStore implements ReadonlyMap<string, Serialized> {
  readonly #entries: Map<string, Entry> = new Map();
  /** Those in memory that can go to disk, the one used least recently first. */
  readonly #resident: Set<Entry> = new Set();
  #nbytes = 0;
  #memoryBytes = 0;
  #leavingBytes = 0;
  #writes = 0;
  #target = Infinity;
  #disk: SpillDisk | undefined;
  /**
   * Called when a result has gone to disk, or could not.
   *
   * @internal
   */
  onWritten: () => void = () => {};
  /**
   * Called when results turned out to be lost: they could not be read back, and are not here any more.
   *
   * @internal
   */
  onLost: (keys: string[]) => void = () => {};

  /** How many results there are. */
  get size(): number {
    return this.#entries.size;
  }

  /** Size of all results together, in bytes, wherever they are. */
  get nbytes(): number {
    return this.#nbytes;
  }

  /** Size of the results that are in memory, in bytes. */
  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  /** Size of those that are on their way to disk, in bytes. */
  get leavingBytes(): number {
    return this.#leavingBytes;
  }

  /** What the results on disk take there, in bytes. */
  get diskBytes(): number {
    return this.#disk?.bytes ?? 0;
  }

  /** Whether results can go to disk. */
  get canSpill(): boolean {
    return this.#disk !== undefined;
  }

  /** How much the results in memory may have, in bytes; beyond, some go to disk. */
  get target(): number {
    return this.#target;
  }

  set target(bytes: number) {
    this.#target = bytes;
    this.#evict();
  }

  /**
   * Have results go to disk that memory is too short for.
   *
   * @internal
   */
  spillTo(disk: SpillDisk): void {
    this.#disk = disk;
    this.#evict();
  }

  /** Whether the key's result is here. */
  has(key: string): boolean {
    return this.#entries.has(key);
  }

  /** Whether the key's result is in memory. */
  isResident(key: string): boolean {
    return this.#entries.get(key)?.value !== undefined;
  }

  /** Size of the key's result in bytes; 0 when it is not here. */
  sizeOf(key: string): number {
    return this.#entries.get(key)?.nbytes ?? 0;
  }

  /**
   * The key's result; undefined when it is not here. One that is on disk is read back while the event loop
   * stands still: see {@linkcode load}.
   */
  get(key: string): Serialized | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.value === undefined) {
      try {
        return this.#disk!.readSync(entry.file!);
      } catch (error) {
        this.#lose(entry, error);
        return undefined;
      }
    }
    // From here on others may have it.
    entry.isOwn = false;
    this.#touch(entry);
    return entry.value;
  }

  /**
   * The key's result if it is in memory; it is in use until {@linkcode unpin}, and must not be kept after.
   *
   * @param isShared Whether it is kept after all, by others in this process.
   * @internal
   */
  pin(key: string, isShared = false): Serialized | undefined {
    const entry = this.#entries.get(key);
    if (entry?.value === undefined) return undefined;
    if (isShared) entry.isOwn = false;
    entry.pins++;
    this.#touch(entry);
    return entry.value;
  }

  /**
   * A result is not in use any more, that {@linkcode pin} gave.
   *
   * @internal
   */
  unpin(key: string, value: Serialized): void {
    const entry = this.#entries.get(key);
    // Gone meanwhile, or another in its place: who has the old one keeps it until it is garbage.
    if (entry?.value !== value) return;
    entry.pins--;
    this.#evict();
  }

  /**
   * The key's result, read back if it is on disk. Unless it is the asker's own, it is in use until
   * {@linkcode unpin}.
   *
   * @param isShared As for {@linkcode pin}.
   * @returns Undefined when it is not here, or cannot be read back: then it is lost.
   * @internal
   */
  async load(key: string, isShared = false): Promise<LoadedResult | undefined> {
    const entry = this.#entries.get(key);
    if (entry !== undefined && entry.value === undefined) {
      let value: Serialized;
      try {
        value = await this.#disk!.read(entry.file!);
      } catch (error) {
        if (this.#entries.get(key) === entry) this.#lose(entry, error);
        return undefined;
      }
      const hasRoom = this.#memoryBytes + entry.nbytes <= this.#target;
      const isElsewhere = this.#entries.get(key) !== entry || entry.value !== undefined;
      if (isElsewhere || !hasRoom) return { value, isOwn: true };
      // The file stays: then it costs nothing to let it go again.
      entry.value = value;
      entry.isOwn = true;
      this.#memoryBytes += entry.nbytes;
    }
    const value = this.pin(key, isShared);
    return value && { value, isOwn: false };
  }

  /**
   * Store a result; it takes the place of an older one.
   *
   * @param key Name of the result.
   * @param value Its bytes.
   * @param isOwn Whether nobody else has its memory.
   */
  set(key: string, value: Serialized, isOwn = false): void {
    this.delete(key);
    const { nbytes } = value;
    const entry: Entry = {
      key,
      nbytes,
      value,
      file: undefined,
      isWriting: false,
      pins: 0,
      isOwn,
    };
    this.#entries.set(key, entry);
    if (nbytes >= LEAST_SPILLED) this.#resident.add(entry);
    this.#nbytes += nbytes;
    this.#memoryBytes += nbytes;
    this.#evict();
  }

  /** Remove a result. Returns whether it was here. */
  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#nbytes -= entry.nbytes;
    if (entry.value !== undefined) this.#leaveMemory(entry);
    if (entry.file !== undefined) this.#disk!.remove(entry.file);
    return true;
  }

  /** Remove everything. */
  clear(): void {
    for (const key of Array.from(this.#entries.keys())) this.delete(key);
  }

  /**
   * Remove everything, and what there is on disk. Nothing goes to disk any more.
   *
   * @internal
   */
  async close(): Promise<void> {
    const disk = this.#disk;
    this.#target = Infinity;
    this.clear();
    this.#disk = undefined;
    await disk?.close();
  }

  /** The keys, oldest first. */
  keys(): MapIterator<string> {
    return this.#entries.keys();
  }

  /** The results, oldest first; those on disk are read back one after another. */
  *values(): MapIterator<Serialized> {
    for (const [, value] of this.entries()) yield value;
  }

  /** Keys and results, oldest first; those on disk are read back one after another. */
  *entries(): MapIterator<[string, Serialized]> {
    for (const key of this.#entries.keys()) {
      const value = this.get(key);
      if (value !== undefined) yield [key, value];
    }
  }

  /** Same as {@linkcode entries}. */
  [Symbol.iterator](): MapIterator<[string, Serialized]> {
    return this.entries();
  }

  /** Call a function with each result and its key. */
  forEach(
    callback: (value: Serialized, key: string, map: ReadonlyMap<string, Serialized>) => void,
  ): void {
    for (const [key, value] of this.entries()) callback(value, key, this);
  }

  // ------------------------------------------------------------------------------------ helpers

  #touch(entry: Entry): void {
    if (this.#disk === undefined || entry.nbytes < LEAST_SPILLED || entry.isWriting) return;
    this.#resident.delete(entry);
    this.#resident.add(entry);
  }

  /** Have results leave memory until the rest has no more than it may. */
  #evict(): void {
    const disk = this.#disk;
    if (disk === undefined || !this.#hasTooMuch) return;
    for (const entry of this.#resident) {
      if (!this.#hasTooMuch) return;
      if (entry.pins > 0) continue;
      if (entry.file !== undefined) this.#leaveMemory(entry);
      else if (this.#writes === MOST_WRITES || !disk.isWritable) return;
      else void this.#write(entry.nbytes < LEAST_ALONE ? this.#smallOnes() : [entry], disk);
    }
  }

  get #hasTooMuch(): boolean {
    return this.#excess > 0;
  }

  /** How many bytes there are in memory beyond what there may be, without those that are leaving. */
  get #excess(): number {
    return this.#memoryBytes - this.#leavingBytes - this.#target;
  }

  /** Small results that can go to disk together: as many as have to, and some more. */
  #smallOnes(): Entry[] {
    const most = Math.min(PACK_BYTES, this.#excess + AHEAD * this.#target);
    const entries: Entry[] = [];
    let bytes = 0;
    for (const entry of this.#resident) {
      if (entry.nbytes >= LEAST_ALONE || entry.pins > 0 || entry.file !== undefined) continue;
      entries.push(entry);
      bytes += entry.nbytes;
      if (bytes >= most) break;
    }
    return entries;
  }

  /** Never rejects. @param entries One, or small ones. */
  async #write(entries: readonly Entry[], disk: SpillDisk): Promise<void> {
    const values: Serialized[] = [];
    let bytes = 0;
    for (const entry of entries) {
      entry.isWriting = true;
      this.#resident.delete(entry);
      values.push(entry.value!);
      bytes += entry.nbytes;
    }
    this.#writes++;
    this.#leavingBytes += bytes;
    const files = entries[0].nbytes < LEAST_ALONE
      ? await disk.writeTogether(values)
      : [await disk.write(values[0])];
    this.#writes--;
    this.#leavingBytes -= bytes;
    for (let i = 0; i < entries.length; i++) this.#written(entries[i], values[i], files[i], disk);
    this.#evict();
    this.onWritten();
  }

  /** @param file Undefined when it could not be written. */
  #written(
    entry: Entry,
    value: Serialized,
    file: SpilledResult | undefined,
    disk: SpillDisk,
  ): void {
    entry.isWriting = false;
    if (this.#entries.get(entry.key) !== entry) {
      if (file !== undefined) disk.remove(file);
      free(entry, value);
      return;
    }
    entry.file = file;
    // The rest may be little enough by now, but then it would come to this soon again.
    if (file !== undefined && entry.pins === 0) this.#leaveMemory(entry);
    else this.#resident.add(entry);
  }

  /** A result is in memory no more. */
  #leaveMemory(entry: Entry): void {
    const value = entry.value!;
    entry.value = undefined;
    this.#resident.delete(entry);
    this.#memoryBytes -= entry.nbytes;
    // While it is being written, that has to be over first.
    if (!entry.isWriting) free(entry, value);
  }

  #lose(entry: Entry, error: unknown): void {
    const name = JSON.stringify(entry.key);
    logger.error(`The result of ${name} is lost, it cannot be read back from disk: ${error}`);
    this.delete(entry.key);
    this.onLost([entry.key]);
  }
}

/** Give a result's memory back, unless somebody else has it or uses it. */
function free({ isOwn, pins }: Entry, value: Serialized): void {
  if (isOwn && pins === 0) discardFrames(value);
}
