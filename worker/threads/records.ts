/**
 * The records that pool and thread exchange, as bytes: tasks and lists of functions to forget on the
 * way to the thread, outcomes and console output on the way back.
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
  /** To the thread: functions that are not needed any more. */
  FORGET: 2,
  /** To the thread: the next record comes by message. */
  BY_MESSAGE: 3,
  /** To the pool: a task's value. */
  FINISHED: 4,
  /** To the pool: a task's error. */
  ERRED: 5,
  /** To the pool: console output. */
  CONSOLE: 6,
} as const;

/** A record too large for a ring, as it is posted: the bytes and the large frames beside them. */
export interface PostedRecord {
  record: Uint8Array;
  beside: ArrayBuffer[];
}

const HAS_CODE = 1;
const HAS_TIMEOUT = 2;
const HAS_DEPENDENCIES = 4;

/** A task as its thread sees it. */
export interface TaskRecord {
  /** Where its claim word is. */
  slot: number;
  /** Number of the task in this thread, from 1. */
  serial: number;
  /** Number of its function in this thread. */
  functionId: number;
  key: string;
  args: Serialized;
  /** The function's code, when the thread has not had it before. */
  code: Serialized | undefined;
  dependencies: ReadonlyMap<string, Serialized> | undefined;
  /** Seconds; undefined: no limit. */
  timeout: number | undefined;
}

/** A bound for a task's record in bytes; Infinity when it can't go through a ring. */
export function taskBound(task: TaskRecord): number {
  if (hasLargeFrame(task.args)) return Infinity;
  let bytes = 14 + stringBound(task.key) + serializedBytes(task.args);
  if (task.timeout !== undefined) bytes += 8;
  if (task.code !== undefined) {
    if (hasLargeFrame(task.code)) return Infinity;
    bytes += serializedBytes(task.code);
  }
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
  if (task.code !== undefined) bytes += serializedBytes(task.code);
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
    (task.code !== undefined ? HAS_CODE : 0) | (task.timeout !== undefined ? HAS_TIMEOUT : 0) |
      (task.dependencies !== undefined ? HAS_DEPENDENCIES : 0),
  );
  writer.u32(task.slot);
  writer.u32(task.serial);
  writer.u32(task.functionId);
  if (task.timeout !== undefined) writer.f64(task.timeout);
  writer.string(task.key);
  if (task.code !== undefined) writer.serialized(task.code);
  writer.serialized(task.args);
  if (task.dependencies !== undefined) {
    writer.u32(task.dependencies.size);
    for (const [key, value] of task.dependencies) {
      writer.string(key);
      writer.serialized(value);
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
  const code = flags & HAS_CODE ? reader.serialized() : undefined;
  const args = reader.serialized();
  let dependencies: Map<string, Serialized> | undefined;
  if (flags & HAS_DEPENDENCIES) {
    dependencies = new Map();
    for (let left = reader.u32(); left > 0; left--) {
      dependencies.set(reader.string(), reader.serialized());
    }
  }
  return { slot, serial, functionId, key, args, code, dependencies, timeout };
}

/** The room a list of functions to forget takes. */
export function forgetRoom(functionIds: readonly number[]): number {
  return 5 + 4 * functionIds.length;
}

/** Writes a list of functions to forget. */
export function writeForget(writer: RecordWriter, functionIds: readonly number[]): void {
  writer.u8(RecordKind.FORGET);
  writer.u32(functionIds.length);
  for (const id of functionIds) writer.u32(id);
}

/** Reads a list of functions to forget, after its kind. */
export function readForget(reader: RecordReader): number[] {
  const ids: number[] = [];
  for (let left = reader.u32(); left > 0; left--) ids.push(reader.u32());
  return ids;
}

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
  /** The value's type, or the error's stack as text. */
  text: string;
}

/** The room an outcome's record takes, its large frames not counted. */
export function outcomeRoom(value: Serialized, text: string): number {
  return 26 + stringBound(text) + serializedBytes(value);
}

/** Writes an outcome. */
export function writeOutcome(writer: RecordWriter, outcome: OutcomeRecord): void {
  writer.u8(outcome.erred ? RecordKind.ERRED : RecordKind.FINISHED);
  writer.u8(outcome.tainted ? 1 : 0);
  writer.u32(outcome.slot);
  writer.u32(outcome.serial);
  writer.f64(outcome.start);
  writer.f64(outcome.stop);
  writer.string(outcome.text);
  writer.serialized(outcome.value);
}

/** Reads an outcome, after its kind. */
export function readOutcome(reader: RecordReader, kind: number): OutcomeRecord {
  const tainted = reader.u8() === 1;
  const slot = reader.u32();
  const serial = reader.u32();
  const start = reader.f64();
  const stop = reader.f64();
  const text = reader.string();
  const value = reader.serialized();
  return { slot, serial, start, stop, erred: kind === RecordKind.ERRED, tainted, value, text };
}

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
