/**
 * Errors of tasks that are Dusk's own doing. They are made on workers and by the scheduler, and arrive
 * at the client as instances of the same classes.
 *
 * @module
 */
import { DeserializationError, SerializationError } from "./values_format.ts";

/** A task ran longer than its time limit, and was stopped. */
export class TaskTimeoutError extends Error {
  /** Name of the class. */
  override readonly name = "TaskTimeoutError";

  /**
   * Make the error.
   *
   * @param key The task.
   * @param seconds Its limit.
   */
  constructor(key: string, seconds: number) {
    super(`Task '${key}' was stopped: it ran longer than its time limit of ${seconds} s`);
  }
}

/** A task tried to end its thread or process. */
export class TaskExitError extends Error {
  /** Name of the class. */
  override readonly name = "TaskExitError";

  /**
   * Make the error.
   *
   * @param call What it called.
   */
  constructor(call: string) {
    super(`A task called ${call}, which is not allowed in a task: return or throw instead`);
  }
}

/** The arguments of a task are not what they should be. */
export class TaskArgumentsError extends Error {
  /** Name of the class. */
  override readonly name = "TaskArgumentsError";
}

/** A part of code that a task needs was never sent to its worker. */
export class UnknownPartError extends Error {
  /** Name of the class. */
  override readonly name = "UnknownPartError";

  /**
   * Make the error.
   *
   * @param part Name of the part.
   */
  constructor(part: string) {
    super(`The code ${part} was never sent to this worker`);
  }
}

/** Code that was sent to a worker cannot be made live there. */
export class LinkError extends Error {
  /** Name of the class. */
  override readonly name = "LinkError";
}

/** A task was marked bad because workers kept dying while they ran it. */
export class KilledWorkerError extends Error {
  /** Name of the class. */
  override readonly name = "KilledWorkerError";

  /**
   * Make the error.
   *
   * @param key Name of the task.
   * @param failures How many workers died while they ran it.
   * @param lastWorker Address of the last one.
   */
  constructor(
    readonly key: string,
    readonly failures: number,
    readonly lastWorker: string,
  ) {
    super(
      `task '${key}' was marked bad: ${failures} workers died while they ran it, the last one was ` +
        `${lastWorker}. Does it exit the process, crash it, or use up its memory?`,
    );
  }
}

const CLASSES = new Map<string, unknown>(
  [
    TaskTimeoutError,
    TaskExitError,
    TaskArgumentsError,
    UnknownPartError,
    LinkError,
    KilledWorkerError,
    SerializationError,
    DeserializationError,
  ].map((Class) => [Class.name, Class]),
);

/**
 * Finds the class of an error of Dusk's own by its name: the `errorClass` option of `deserialize`.
 *
 * @param name Name of the class.
 * @returns The class; undefined when there is none.
 */
export function failureClass(name: string): ErrorConstructor | undefined {
  return CLASSES.get(name) as ErrorConstructor | undefined;
}
