/**
 * The kinds of values that settings have: how each is read, from YAML or from the text of a flag or an
 * environment variable, and how it is written so that it can be read again.
 *
 * @module
 */
import type { LogLevel } from "./logger.ts";

/** A kind of values. */
export interface Kind<T> {
  /** What is expected, to go on from "must be": `true or false`. */
  readonly expected: string;
  /** What a value looks like, for the documentation: `30s`. */
  readonly label: string;
  /** Whether text of flags and environment variables is taken as it is, and numbers of YAML as text. */
  readonly isText?: boolean;
  /** Whether relative values count from the folder of the file they stand in. */
  readonly isPath?: boolean;
  /** For maps, which several sources fill together: what each entry must be. */
  readonly entries?: string;
  /**
   * Reads a value.
   *
   * @param raw As YAML gives it, or a text.
   * @returns The value; undefined: it is none of this kind.
   */
  read(raw: unknown): T | undefined;
  /**
   * Writes a value as YAML, on one line.
   *
   * @param value The value.
   * @returns What `read` reads as the same value.
   */
  write(value: T): string;
}

/** Seconds of each unit. */
const SECONDS: Readonly<Record<string, number>> = {
  "": 1,
  ms: 0.001,
  millisecond: 0.001,
  milliseconds: 0.001,
  s: 1,
  sec: 1,
  second: 1,
  seconds: 1,
  m: 60,
  min: 60,
  minute: 60,
  minutes: 60,
  h: 3600,
  hour: 3600,
  hours: 3600,
  d: 86_400,
  day: 86_400,
  days: 86_400,
};

/** Bytes of each unit, in lower case. */
const BYTES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  kib: 2 ** 10,
  m: 1e6,
  mb: 1e6,
  mib: 2 ** 20,
  g: 1e9,
  gb: 1e9,
  gib: 2 ** 30,
  t: 1e12,
  tb: 1e12,
  tib: 2 ** 40,
};

const QUANTITY = /^(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)\s*([a-z]*)$/;

/** A number with a unit, in the unit that counts as 1. */
function quantity(raw: unknown, units: Readonly<Record<string, number>>): number | undefined {
  if (typeof raw === "number") return Number.isFinite(raw) && raw >= 0 ? raw : undefined;
  if (typeof raw !== "string") return undefined;
  const [, amount, unit] = QUANTITY.exec(raw.trim().toLowerCase()) ?? [];
  if (unit === undefined || !Object.hasOwn(units, unit)) return undefined;
  const value = Number(amount) * units[unit];
  return Number.isFinite(value) ? value : undefined;
}

/**
 * A text as YAML: bare where that reads as the same text, quoted elsewhere.
 *
 * @param text The text.
 * @returns YAML of one line.
 */
export function writeText(text: string): string {
  const isBare = /^(?:[A-Za-z/]|~\/)[\w./~:+-]*$/.test(text) && !text.endsWith(":") &&
    !/^(true|false|null|yes|no|on|off)$/i.test(text);
  return isBare ? text : JSON.stringify(text);
}

/** Times, in seconds. @param options.zero Whether 0 makes sense. Default: it does not. */
export function seconds({ zero = false }: { zero?: boolean } = {}): Kind<number> {
  return {
    expected: `a time such as 30, "30s" or "5 minutes"${zero ? "" : ", above 0"}`,
    label: "seconds",
    read(raw) {
      const value = quantity(raw, SECONDS);
      return value === undefined || (value === 0 && !zero) ? undefined : value;
    },
    write: (value) => `${value}s`,
  };
}

/** Sizes, in bytes. */
export const bytes: Kind<number> = {
  expected: 'a number of bytes such as 2e9, "4GB" or "64 MiB", of at least 1',
  label: "bytes",
  read(raw) {
    const value = Math.floor(quantity(raw, BYTES) ?? 0);
    return value >= 1 && Number.isSafeInteger(value) ? value : undefined;
  },
  write: writeBytes,
};

/** Limits of memory: a size, 0 for none, or `auto`. */
export const memoryLimit: Kind<number | "auto"> = {
  expected: '"auto", a number of bytes such as 2e9 or "4GB", or 0 for no limit',
  label: "bytes or `auto`",
  read(raw) {
    if (typeof raw === "string" && raw.trim().toLowerCase() === "auto") return "auto";
    const value = quantity(raw, BYTES);
    // A part of a byte would be rounded to 0, which is no limit at all.
    return value === undefined || (value > 0 && value < 1) ? undefined : Math.floor(value);
  },
  write: (value) => value === "auto" ? value : value === 0 ? "0" : writeBytes(value),
};

function writeBytes(value: number): string {
  for (
    const [unit, factor] of [["GB", 1e9], ["GiB", 2 ** 30], ["MB", 1e6], ["MiB", 2 ** 20]] as const
  ) {
    if (value % factor === 0) return `${value / factor}${unit}`;
  }
  return String(value);
}

/** Whole numbers. @param least Smallest allowed. @param most Largest allowed. */
export function whole(least: number, most: number = Number.MAX_SAFE_INTEGER): Kind<number> {
  const upTo = most === Number.MAX_SAFE_INTEGER
    ? `of at least ${least}`
    : `from ${least} to ${most}`;
  return {
    expected: `a whole number ${upTo}`,
    label: "whole number",
    read(raw) {
      const value = readNumber(raw);
      return Number.isInteger(value) && value! >= least && value! <= most ? value : undefined;
    },
    write: String,
  };
}

/** Parts of a whole, from 0 (or `false`: off) to 1. */
export const fraction: Kind<number> = {
  expected: "a number from 0 to 1, where 0 and false switch it off",
  label: "0 to 1",
  read(raw) {
    if (raw === false || raw === "false") return 0;
    const value = readNumber(raw);
    return value !== undefined && value >= 0 && value <= 1 ? value : undefined;
  },
  write: String,
};

function readNumber(raw: unknown): number | undefined {
  if (typeof raw === "number") return raw;
  if (typeof raw !== "string" || !/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(raw.trim())) {
    return undefined;
  }
  return Number(raw);
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  "1": true,
  false: false,
  no: false,
  off: false,
  "0": false,
};

/** True or false. */
export const boolean: Kind<boolean> = {
  expected: "true or false",
  label: "true or false",
  read(raw) {
    if (typeof raw === "boolean") return raw;
    const word = typeof raw === "string" ? raw.trim().toLowerCase() : "";
    return Object.hasOwn(BOOLEANS, word) ? BOOLEANS[word] : undefined;
  },
  write: String,
};

/** Text that is not empty. */
export const text: Kind<string> = {
  expected: "a text that is not empty",
  label: "text",
  isText: true,
  read: readText,
  write: writeText,
};

/** Files and folders. */
export const path: Kind<string> = {
  expected: "a path of a file or folder",
  label: "path",
  isText: true,
  isPath: true,
  read: readText,
  write: writeText,
};

function readText(raw: unknown): string | undefined {
  if (typeof raw === "number" && Number.isFinite(raw)) return String(raw);
  return typeof raw === "string" && raw.trim() !== "" && !raw.includes("\0") ? raw : undefined;
}

/** One of some words. @param words The words, in lower case. */
export function oneOf<W extends string>(...words: W[]): Kind<W> {
  return {
    expected: `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`,
    label: words.map((word) => `\`${word}\``).join(", "),
    read(raw) {
      const word = typeof raw === "string" ? raw.trim().toLowerCase() : undefined;
      return words.find((known) => known === word);
    },
    write: String,
  };
}

/** A list of files, folders and URLs; in a text with commas between. */
export const paths: Kind<readonly string[]> = {
  expected: "a list of paths or URLs",
  label: "list of paths or URLs",
  isPath: true,
  read(raw) {
    const items = typeof raw === "string" ? raw.split(",").map((item) => item.trim()) : raw;
    if (!Array.isArray(items)) return undefined;
    const read = items.map(readText);
    return read.includes(undefined) ? undefined : read as string[];
  },
  write: (value) => `[${value.map((item) => JSON.stringify(item)).join(", ")}]`,
};

/** Numbers by name; in a text as `GPU=2,MEMORY=100e9`. */
export const amounts: Kind<Readonly<Record<string, number>>> = {
  expected: 'amounts by name, such as {GPU: 2} or "GPU=2,MEMORY=100e9"',
  label: "map of names to amounts",
  entries: "an amount such as 2 or 4GB",
  read: (raw) => readMap(raw, (value) => quantity(value, BYTES)),
  write: (value) => writeMap(value, String),
};

/** Levels of logging by logger; a single level is meant for all of Dusk. */
export const logLevels: Kind<Readonly<Record<string, LogLevel>>> = {
  expected: "debug, info, warning, error or critical, for all of Dusk or by logger",
  label: "map of loggers to levels",
  entries: "debug, info, warning, error or critical",
  read(raw) {
    const level = readLevel(raw);
    return level !== undefined ? { distributed: level } : readMap(raw, readLevel);
  },
  write: (value) => writeMap(value, (level) => level),
};

const level = oneOf<LogLevel>("debug", "info", "warning", "error", "critical");

function readLevel(raw: unknown): LogLevel | undefined {
  return typeof raw === "string" ? level.read(raw) : undefined;
}

function readMap<T>(
  raw: unknown,
  readValue: (raw: unknown) => T | undefined,
): Record<string, T> | undefined {
  let entries: [string, unknown][];
  if (typeof raw === "string") {
    const pairs = raw.split(",").filter((pair) => pair.trim() !== "");
    entries = pairs.map((pair) => {
      const [name, ...rest] = pair.split(/[=:]/);
      return [name.trim(), rest.join("=").trim()];
    });
  } else if (typeof raw === "object" && raw !== null && !Array.isArray(raw)) {
    entries = Object.entries(raw);
  } else {
    return undefined;
  }
  const map: Record<string, T> = {};
  for (const [name, rawValue] of entries) {
    const value = readValue(rawValue);
    if (value === undefined || !isEntryName(name)) return undefined;
    map[name] = value;
  }
  return map;
}

/**
 * Whether an entry of a map can have this name.
 *
 * @param name The name.
 * @returns True for letters, digits, `_`, `-` and dots.
 */
export function isEntryName(name: string): boolean {
  return /^[\w.-]+$/.test(name) && name !== "__proto__";
}

function writeMap<T>(map: Readonly<Record<string, T>>, writeValue: (value: T) => string): string {
  const entries = Object.entries(map).map(([name, value]) => `${name}: ${writeValue(value)}`);
  return `{${entries.join(", ")}}`;
}
