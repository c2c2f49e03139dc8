/**
 * The records that pool and thread exchange, as bytes. On the way to the thread: parts of code that it
 * learns, tasks, parts to forget, names of uploaded modules. On the way back: outcomes and console
 * output.
 *
 * A thread knows a part by a number, from the part's LEARN record until a FORGET record. A LEARN record
 * comes after those of all parts that it needs, and before the first record that uses it.
 *
 * @module
 */
import type { Serialized } from "../../protocol/serialized.ts";
import {
  hasLargeFrame,
  type RecordReader,
  type RecordWriter,
  serializedBytes,
  stringBound,
} from "./record_codec.ts";
import { MAX_INLINE_BYTES } from "./thread_memory.ts";

/** First byte of a record. */
export const RecordKind = {
  /** To the thread: a task. */
  TASK: 1,
  /** To the thread: parts that are not needed any more. */
  FORGET: 2,
  /** To the thread: the next record, of whichever kind, comes by message. */
  BY_MESSAGE: 3,
  /** To the pool: a task's value. */
  FINISHED: 4,
  /** To the pool: a task's error. */
  ERRED: 5,
  /** To the pool: console output. */
  CONSOLE: 6,
  /** To the thread: a part of code. */
  LEARN: 7,
  /** To the thread: all modules that tasks can import by name. */
  UPLOADS: 8,
} as const;

/** A record too large for a ring, as it is posted: the bytes and the large frames beside them. */
export interface PostedRecord {
  record: Uint8Array<ArrayBuffer>;
  beside: ArrayBuffer[];
}

// -------------------------------------------------------------------------------------- parts

/** A part of code as its thread gets it. */
export interface LearnRecord {
  /** Number of the part in this thread, from 1. */
  id: number;
  name: string;
  /** Numbers of the parts that it refers to; the thread has them already. */
  needs: readonly number[];
  code: Serialized;
  /** Where the code comes from, for stacks. */
  origin: Serialized | undefined;
}

/** A bound for a part's record in bytes; Infinity when it can't go through a ring. */
export function learnBound(part: LearnRecord): number {
  const { code, origin } = part;
  if (hasLargeFrame(code) || origin !== undefined && hasLargeFrame(origin)) return Infinity;
  const bytes = learnRoom(part);
  return bytes > MAX_INLINE_BYTES ? Infinity : bytes;
}

/** The room a part's record takes, its large frames not counted. */
export function learnRoom({ name, needs, code, origin }: LearnRecord): number {
  return 10 + stringBound(name) + 4 * needs.length + serializedBytes(code) +
    (origin === undefined ? 0 : serializedBytes(origin));
}

/** Writes a part's record. */
export function writeLearn(writer: RecordWriter, part: LearnRecord): void {
  writer.u8(RecordKind.LEARN);
  writer.u8(part.origin === undefined ? 0 : 1);
  writer.u32(part.id);
  writer.string(part.name);
  writeIds(writer, part.needs);
  writer.serialized(part.code);
  if (part.origin !== undefined) writer.serialized(part.origin);
}

/** Reads a part's record, after its kind. */
export function readLearn(reader: RecordReader): LearnRecord {
  const hasOrigin = reader.u8() === 1;
  const id = reader.u32();
  const name = reader.string();
  const needs = readIds(reader);
  const code = reader.serialized();
  return { id, name, needs, code, origin: hasOrigin ? reader.serialized() : undefined };
}

/** The room a list of parts to forget takes. */
export function forgetRoom(ids: readonly number[]): number {
  return 5 + 4 * ids.length;
}

/** Writes a list of parts to forget. */
export function writeForget(writer: RecordWriter, ids: readonly number[]): void {
  writer.u8(RecordKind.FORGET);
  writeIds(writer, ids);
}

/** Reads a list of parts to forget, after its kind. */
export function readForget(reader: RecordReader): number[] {
  return readIds(reader);
}

/** The room the names of uploaded modules take; above `MAX_INLINE_BYTES` they can't go through a ring. */
export function uploadsRoom(modules: ReadonlyMap<string, number>): number {
  let bytes = 5;
  for (const name of modules.keys()) bytes += 4 + stringBound(name);
  return bytes;
}

/** Writes the numbers of all uploaded modules by the names that tasks import them by. */
export function writeUploads(writer: RecordWriter, modules: ReadonlyMap<string, number>): void {
  writer.u8(RecordKind.UPLOADS);
  writer.u32(modules.size);
  for (const [name, id] of modules) {
    writer.string(name);
    writer.u32(id);
  }
}

/** Reads the uploaded modules, after the record's kind: they take the place of all before them. */
export function readUploads(reader: RecordReader): Map<string, number> {
  const modules = new Map<string, number>();
  for (let left = reader.u32(); left > 0; left--) modules.set(reader.string(), reader.u32());
  return modules;
}

function writeIds(writer: RecordWriter, ids: readonly number[]): void {
  writer.u32(ids.length);
  for (let i = 0; i < ids.length; i++) writer.u32(ids[i]);
}

function readIds(reader: RecordReader): number[] {
  const ids: number[] = [];
  for (let left = reader.u32(); left > 0; left--) ids.push(reader.u32());
  return ids;
}

// -------------------------------------------------------------------------------------- tasks

const HAS_NEEDS = 1;
const HAS_TIMEOUT = 2;
const HAS_DEPENDENCIES = 4;

/** A task as its thread sees it. */
export interface TaskRecord {
  /** Where its claim word is. */
  slot: number;
  /** Number of the task in this thread, from 1. */
  serial: number;
  /** Number of its function's part in this thread. */
  functionId: number;
  key: string;
  args: Serialized;
  /**
   * Numbers of the parts that `args` and the dependencies' values refer to, and of those that the call
   * was sent with; undefined: none. What these parts need is in their own records.
   */
  needs: readonly number[] | undefined;
  dependencies: ReadonlyMap<string, Serialized> | undefined;
  /** On the way to the thread: see `ThreadTask.moved`. */
  moved?: ReadonlySet<string>;
  /** Seconds; undefined: no limit. */
  timeout: number | undefined;
}

/** A bound for a task's record in bytes; Infinity when it can't go through a ring. */
export function taskBound(task: TaskRecord): number {
  if (hasLargeFrame(task.args)) return Infinity;
  let bytes = 14 + stringBound(task.key) + serializedBytes(task.args);
  if (task.timeout !== undefined) bytes += 8;
  if (task.needs !== undefined) bytes += 4 + 4 * task.needs.length;
  if (task.dependencies !== undefined) {
    bytes += 4;
    for (const [key, value] of task.dependencies) {
      if (hasLargeFrame(value)) return Infinity;
      bytes += stringBound(key) + serializedBytes(value);
      if (bytes > MAX_INLINE_BYTES) return Infinity;
    }
  }
  return bytes > MAX_INLINE_BYTES ? Infinity : bytes;
}

/** The room a task's record takes in a buffer of its own, its large frames not counted. */
export function taskRoom(task: TaskRecord): number {
  let bytes = 26 + stringBound(task.key) + serializedBytes(task.args);
  if (task.needs !== undefined) bytes += 4 + 4 * task.needs.length;
  if (task.dependencies !== undefined) {
    for (const [key, value] of task.dependencies) {
      bytes += stringBound(key) + serializedBytes(value);
    }
  }
  return bytes;
}

/** Writes a task's record. */
export function writeTask(writer: RecordWriter, task: TaskRecord): void {
  writer.u8(RecordKind.TASK);
  writer.u8(
    (task.needs !== undefined ? HAS_NEEDS : 0) | (task.timeout !== undefined ? HAS_TIMEOUT : 0) |
      (task.dependencies !== undefined ? HAS_DEPENDENCIES : 0),
  );
  writer.u32(task.slot);
  writer.u32(task.serial);
  writer.u32(task.functionId);
  if (task.timeout !== undefined) writer.f64(task.timeout);
  writer.string(task.key);
  if (task.needs !== undefined) writeIds(writer, task.needs);
  writer.serialized(task.args);
  if (task.dependencies !== undefined) {
    writer.u32(task.dependencies.size);
    for (const [key, value] of task.dependencies) {
      writer.string(key);
      writer.serialized(value, task.moved?.has(key));
    }
  }
}

/** Reads a task's record, after its kind. */
export function readTask(reader: RecordReader): TaskRecord {
  const flags = reader.u8();
  const slot = reader.u32();
  const serial = reader.u32();
  const functionId = reader.u32();
  const timeout = flags & HAS_TIMEOUT ? reader.f64() : undefined;
  const key = reader.string();
  const needs = flags & HAS_NEEDS ? readIds(reader) : undefined;
  const args = reader.serialized();
  let dependencies: Map<string, Serialized> | undefined;
  if (flags & HAS_DEPENDENCIES) {
    dependencies = new Map();
    for (let left = reader.u32(); left > 0; left--) {
      dependencies.set(reader.string(), reader.serialized());
    }
  }
  return { slot, serial, functionId, key, args, needs, dependencies, timeout };
}

// ----------------------------------------------------------------------------------- outcomes

const TAINTED = 1;
const REFERS = 2;

/** How a task went, as its thread tells it. */
export interface OutcomeRecord {
  slot: number;
  serial: number;
  start: number;
  stop: number;
  /** Whether it threw. */
  erred: boolean;
  /** Whether something of the task goes on in the thread (its promise is pending): replace it. */
  tainted: boolean;
  /** The value, or the error. */
  value: Serialized;
  /** Names of the parts that the value refers to; undefined: none. */
  needs: readonly string[] | undefined;
  /** The value's type, or the error's stack as text. */
  text: string;
}

/** The room an outcome's record takes, its large frames not counted. */
export function outcomeRoom({ value, text, needs }: OutcomeRecord): number {
  let bytes = 26 + stringBound(text) + serializedBytes(value);
  if (needs !== undefined) {
    bytes += 4;
    for (let i = 0; i < needs.length; i++) bytes += stringBound(needs[i]);
  }
  return bytes;
}

/** Writes an outcome. */
export function writeOutcome(writer: RecordWriter, outcome: OutcomeRecord): void {
  const { needs } = outcome;
  writer.u8(outcome.erred ? RecordKind.ERRED : RecordKind.FINISHED);
  writer.u8((outcome.tainted ? TAINTED : 0) | (needs !== undefined ? REFERS : 0));
  writer.u32(outcome.slot);
  writer.u32(outcome.serial);
  writer.f64(outcome.start);
  writer.f64(outcome.stop);
  writer.string(outcome.text);
  if (needs !== undefined) {
    writer.u32(needs.length);
    for (let i = 0; i < needs.length; i++) writer.string(needs[i]);
  }
  writer.serialized(outcome.value);
}

/** Reads an outcome, after its kind. */
export function readOutcome(reader: RecordReader, kind: number): OutcomeRecord {
  const flags = reader.u8();
  const slot = reader.u32();
  const serial = reader.u32();
  const start = reader.f64();
  const stop = reader.f64();
  const text = reader.string();
  let needs: string[] | undefined;
  if (flags & REFERS) {
    needs = [];
    for (let left = reader.u32(); left > 0; left--) needs.push(reader.string());
  }
  const value = reader.serialized();
  const erred = kind === RecordKind.ERRED;
  const tainted = (flags & TAINTED) !== 0;
  return { slot, serial, start, stop, erred, tainted, value, needs, text };
}

// ------------------------------------------------------------------------------------ console

/** The levels of console output; a record has the index. */
export const CONSOLE_LEVELS = ["debug", "log", "info", "warn", "error"] as const;

/** The room a record of console output takes. */
export function consoleRoom(key: string | null, text: string): number {
  return 3 + (key === null ? 0 : stringBound(key)) + stringBound(text);
}

/** Writes console output; `level` is an index of {@linkcode CONSOLE_LEVELS}. */
export function writeConsole(
  writer: RecordWriter,
  level: number,
  key: string | null,
  text: string,
): void {
  writer.u8(RecordKind.CONSOLE);
  writer.u8(level);
  writer.u8(key === null ? 0 : 1);
  if (key !== null) writer.string(key);
  writer.string(text);
}

/** Reads console output, after its kind. */
export function readConsole(
  reader: RecordReader,
): { key: string | null; level: string; text: string } {
  const level = CONSOLE_LEVELS[reader.u8()] ?? "log";
  const key = reader.u8() === 1 ? reader.string() : null;
  return { key, level, text: reader.string() };
}
