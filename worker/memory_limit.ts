/**
 * How much memory a worker may use, as people write it: `4GB`, `2e9`, `auto`.
 *
 * @module
 */
import { machineMemory } from "./machine_memory.ts";

/** A memory limit that makes no sense; the message names it, and the forms that do. */
export class MemoryLimitError extends Error {
  /** Name of the class. */
  override name = "MemoryLimitError";
}

/** The part of the machine's memory that `auto` stands for. */
const AUTO_FRACTION = 0.75;

/** Bytes of each unit, in lower case. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  p: 1e15,
  pb: 1e15,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
  pib: 2 ** 50,
};

const SIZE = /^([0-9]+\.?[0-9]*(?:e[+-]?[0-9]+)?|\.[0-9]+(?:e[+-]?[0-9]+)?) ?([a-z]*)$/;

/**
 * Read a memory limit.
 *
 * @param text A size in bytes (`2e9`), with a unit (`4GB`, `4 GiB`), `0` for no limit, or `auto`: 75 % of the
 * memory of this machine, or of the control group that this process is in.
 * @param share How many workers divide `auto` among them. Default 1.
 * @returns The limit of one worker in bytes; 0: none. For `auto` where the machine's memory cannot be
 * known, 0 too.
 * @throws {MemoryLimitError} When the text is none of these.
 *
 * @example
 * ```ts
 * parseMemoryLimit("4 GiB"); // 4294967296
 * parseMemoryLimit("auto", 4); // a quarter of 75 % of the memory
 * ```
 */
export function parseMemoryLimit(text: string | number, share = 1): number {
  if (!Number.isInteger(share) || share < 1) {
    throw new RangeError(`share must be a whole number of at least 1; got ${share}`);
  }
  const normal = String(text).trim().toLowerCase();
  if (normal === "auto") return Math.floor((machineMemory() ?? 0) * AUTO_FRACTION / share);
  const [, amount, unit] = SIZE.exec(normal) ?? [];
  const factor = unit === undefined || !Object.hasOwn(UNITS, unit) ? NaN : UNITS[unit];
  const bytes = Math.floor(Number(amount) * factor);
  if (!Number.isSafeInteger(bytes)) throw refused(text, "is no size");
  if (bytes === 0 && Number(amount) > 0) throw refused(text, "is less than a byte");
  return bytes;
}

function refused(text: string | number, why: string): MemoryLimitError {
  const shown = typeof text === "string" ? JSON.stringify(text) : String(text);
  return new MemoryLimitError(
    `The memory limit ${shown} ${why}: give bytes (2e9), a size with a unit (4GB, 4 GiB), ` +
      `"auto" for 75 % of this machine's memory, or 0 for no limit`,
  );
}
