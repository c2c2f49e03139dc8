/**
 * Logging with Dask's hierarchical names: `getLogger("distributed.scheduler")` inherits what is set
 * for `distributed`. Nothing is printed until {@linkcode configureLogging} is called; a program that
 * has LogTape configured for the category `distributed` gets the records there.
 *
 * @module
 */
import {
  configureSync,
  getLogger as getTapeLogger,
  type Logger as TapeLogger,
  type LogLevel as TapeLevel,
  type LogRecord,
  resetSync,
} from "npm:@logtape/logtape@2.4.2";
import { type LogFields, type LogLevel, type LogWriter, writeLogsWith } from "./logger.ts";

export { getLogger, type LogFields, type Logger, type LogLevel } from "./logger.ts";

/** Options of {@linkcode configureLogging}. */
export interface LoggingOptions {
  /** Least level to write, for all of `distributed` or by logger name. Default "info". */
  level?: LogLevel | Record<string, LogLevel>;
  /** "text": one readable line; "json": one JSON object a line. Default "text". */
  format?: "text" | "json";
  /** Takes each finished line, without its line break. Default: standard error. */
  sink?: (line: string) => void;
}

const LEVELS: readonly LogLevel[] = ["debug", "info", "warning", "error", "critical"];
const FORMATS = ["text", "json"];
/** Peers have a hand in what is logged: a text of more characters than this is cut. */
const LONGEST_TEXT = 10_000;
/** Levels at which the stack of an error is worth its lines. */
const STACK_LEVELS: ReadonlySet<TapeLevel> = new Set<TapeLevel>(["error", "fatal"]);

/** Hands the records of one name to LogTape. */
class TapeWriter implements LogWriter {
  readonly #tape: TapeLogger;

  constructor(tape: TapeLogger) {
    this.#tape = tape;
  }

  isEnabled(level: LogLevel): boolean {
    return this.#tape.isEnabledFor(toTapeLevel(level));
  }

  write(level: LogLevel, message: string, fields: LogFields | undefined): void {
    const tapeLevel = toTapeLevel(level);
    if (!this.#tape.isEnabledFor(tapeLevel)) return;
    // emit takes the message as it is, where the level methods would look for {placeholders}.
    this.#tape.emit({
      timestamp: Date.now(),
      level: tapeLevel,
      message: [message],
      rawMessage: message,
      properties: fields ?? {},
    });
  }
}

writeLogsWith((name) => new TapeWriter(getTapeLogger(name.split("."))));

/**
 * Says where the log goes. A later call replaces an earlier one, and what the program may have
 * configured LogTape for.
 *
 * @param options Level, format and sink.
 * @throws {TypeError} When a level or the format is unknown.
 *
 * @example
 * ```ts
 * configureLogging({ level: { distributed: "info", "distributed.client": "warning" } });
 * ```
 */
export function configureLogging(options: LoggingOptions = {}): void {
  const { level = "info", format = "text", sink = console.error } = options;
  if (!FORMATS.includes(format)) {
    throw new TypeError(`format must be "text" or "json", got ${JSON.stringify(format)}`);
  }
  const levels = typeof level === "object" ? level : { distributed: level };
  const render = format === "json" ? jsonLine : textLine;
  const loggers = Object.entries(levels).map(([name, least]) => {
    if (!LEVELS.includes(least)) {
      throw new TypeError(
        `level of "${name}" must be one of ${LEVELS.join(", ")}, got ${JSON.stringify(least)}`,
      );
    }
    return {
      category: name.split("."),
      lowestLevel: toTapeLevel(least),
      sinks: ["lines"],
      // Without this a record would be written again for each configured ancestor.
      parentSinks: "override" as const,
    };
  });
  configureSync({
    reset: true,
    sinks: { lines: (record: LogRecord) => sink(renderAnyway(record, render)) },
    loggers: [
      ...loggers,
      // LogTape's own: only its troubles, not its greeting.
      { category: ["logtape", "meta"], lowestLevel: "warning", sinks: ["lines"] },
    ],
  });
}

/** Takes back {@linkcode configureLogging}: nothing is written any more. */
export function resetLogging(): void {
  resetSync();
}

function toTapeLevel(level: LogLevel): TapeLevel {
  return level === "critical" ? "fatal" : level;
}

function fromTapeLevel(level: TapeLevel): string {
  return level === "fatal" ? "critical" : level;
}

/**
 * A record as its line, whatever its fields are. What somebody has thrown can be anything, and LogTape
 * would leave out a record that cannot be rendered.
 */
function renderAnyway(record: LogRecord, render: (record: LogRecord) => string): string {
  try {
    return render(record);
  } catch {
    const fields = Object.entries(record.properties).map(([name, value]) => {
      try {
        render({ ...record, properties: { [name]: value } });
        return [name, value];
      } catch {
        return [name, "(cannot be shown)"];
      }
    });
    return render({ ...record, properties: Object.fromEntries(fields) });
  }
}

function textLine(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString();
  const level = fromTapeLevel(record.level).toUpperCase();
  let line = `${time} ${record.category.join(".")} ${level} ${cut(record.message.join(""))}`;
  let stacks = "";
  for (const name in record.properties) {
    const value = record.properties[name];
    line += ` ${name}=${cut(fieldText(value))}`;
    if (value instanceof Error && STACK_LEVELS.has(record.level)) stacks += stackLines(value);
  }
  return escapeControls(line) + stacks;
}

/** The calls that led to an error, one an indented line. */
function stackLines(error: Error): string {
  const calls = (error.stack ?? "").split("\n").filter((line) => /^\s+at /.test(line));
  return calls.map((call) => `\n    ${escapeControls(call.trim())}`).join("");
}

function fieldText(value: unknown): string {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof value === "object" && value !== null) return JSON.stringify(value, plain) ?? "";
  return String(value);
}

function jsonLine(record: LogRecord): string {
  const line = JSON.stringify({
    ...record.properties,
    time: new Date(record.timestamp).toISOString(),
    logger: record.category.join("."),
    level: fromTapeLevel(record.level),
    message: record.message.join(""),
  }, plain);
  // JSON leaves some of them as they are, such as the one-byte form of the escape sequence.
  return escapeControls(line);
}

/** Makes a value fit for JSON. */
function plain(_name: string, value: unknown): unknown {
  if (value instanceof Error) {
    return { name: value.name, message: value.message, stack: value.stack };
  }
  if (typeof value === "string") return cut(value);
  return typeof value === "bigint" ? String(value) : value;
}

function cut(text: string): string {
  const more = text.length - LONGEST_TEXT;
  return more <= 0 ? text : `${text.slice(0, LONGEST_TEXT)}… (${more} characters more)`;
}

/** Peers have a hand in what is logged: no line break or terminal sequence of theirs gets through. */
function escapeControls(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
