/**
 * Loggers by name, without what writes the records: that is `logging.ts`, which most programs load along
 * with the rest. A thread that runs tasks has only this, so that it stays small.
 *
 * @module
 */

/** How grave a record is, from the least on. */
export type LogLevel = "debug" | "info" | "warning" | "error" | "critical";

/** Facts that go with a message; an `Error` is written as its name and message. */
export type LogFields = Record<string, unknown>;

/**
 * Writes records under one name. Messages are taken literally and come out as one line each; an
 * `Error` among the fields of a record of level error or above adds its stack, on indented lines.
 */
export interface Logger {
  /** What only a developer wants to see. */
  debug(message: string, fields?: LogFields): void;
  /** What an operator wants to see. */
  info(message: string, fields?: LogFields): void;
  /** Something is wrong, the program copes. */
  warn(message: string, fields?: LogFields): void;
  /** Something failed. */
  error(message: string, fields?: LogFields): void;
  /** The program cannot go on. */
  critical(message: string, fields?: LogFields): void;
  /** Whether a record of this level would go anywhere, to spare the making of it. */
  isEnabled(level: LogLevel): boolean;
}

/** Where records go. */
export interface LogWriter {
  isEnabled(level: LogLevel): boolean;
  write(level: LogLevel, message: string, fields: LogFields | undefined): void;
}

let writerOf: ((name: string) => LogWriter) | undefined;

/**
 * Says what writes the records of all loggers, those that are there already too.
 *
 * @param find Gives what writes under a name.
 * @internal
 */
export function writeLogsWith(find: (name: string) => LogWriter): void {
  writerOf = find;
}

/**
 * Gives the logger of a name.
 *
 * @param name Parts with dots between, from the general to the special: `distributed.scheduler`.
 * @returns The logger; it may be had, and used, before logging is configured.
 *
 * @example
 * ```ts
 * const logger = getLogger("distributed.scheduler");
 * logger.info("Register worker", { worker: "tcp://127.0.0.1:40331" });
 * ```
 */
export function getLogger(name: string): Logger {
  return new NamedLogger(name);
}

class NamedLogger implements Logger {
  readonly #name: string;
  #writer: LogWriter | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  debug(message: string, fields?: LogFields): void {
    this.#find()?.write("debug", message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#find()?.write("info", message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#find()?.write("warning", message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#find()?.write("error", message, fields);
  }

  critical(message: string, fields?: LogFields): void {
    this.#find()?.write("critical", message, fields);
  }

  isEnabled(level: LogLevel): boolean {
    return this.#find()?.isEnabled(level) ?? false;
  }

  #find(): LogWriter | undefined {
    return this.#writer ??= writerOf?.(this.#name);
  }
}
