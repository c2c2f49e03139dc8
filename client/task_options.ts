/**
 * Options of `client.with(…)`: what they are, and the check that says at once what is wrong.
 *
 * @module
 */
import { isName, LONGEST_NAME } from "../protocol/names.ts";
import type { GroupOptions } from "./outbox.ts";

/** Options that tasks are submitted with. */
export interface TaskOptions {
  /**
   * Name of the task. For `submit` the exact name; for `map` a text is what the names begin with, and
   * an array has the exact names.
   */
  key?: string | readonly string[];
  /**
   * Whether the function gives the same result for the same arguments and has no side effects, so that
   * it need not run twice. Default: true.
   */
  pure?: boolean;
  /** Addresses, hosts or names of the workers that may run the tasks, or hold scattered data. Default: all. */
  workers?: string | readonly string[];
  /** Whether `workers` is a preference only. Default: false. */
  allowOtherWorkers?: boolean;
  /** Abstract resources that each task takes while it runs, such as `{ GPU: 1 }`. */
  resources?: Readonly<Record<string, number>>;
  /** Tasks with a higher priority run first. Default: 0. */
  priority?: number;
  /** How often to run a task again after it failed. Default: 0. */
  retries?: number;
  /** Seconds a task may run before it is stopped. Default: no limit. */
  timeout?: number;
}

/** A wrong option. The message names the option, its value and what it should be. */
export class OptionError extends TypeError {
  /**
   * Make the error.
   *
   * @param message What is wrong, and what would be right.
   */
  constructor(message: string) {
    super(message);
    this.name = "OptionError";
  }
}

/** Options that have been checked. */
export interface CheckedOptions {
  readonly key: string | readonly string[] | undefined;
  readonly pure: boolean;
  /** What travels with the tasks. */
  readonly group: GroupOptions;
}

/** No options. */
export const noOptions: CheckedOptions = { key: undefined, pure: true, group: {} };

function show(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value.slice(0, 60));
  if (Array.isArray(value)) return value.length === 0 ? "[]" : `[${value.slice(0, 5).map(show)}]`;
  if (typeof value === "object" && value !== null) return `an object`;
  return typeof value === "function" ? "a function" : String(value);
}

/** @throws {OptionError} Always. */
export function refuseOption(name: string, value: unknown, remedy: string): never {
  throw new OptionError(`option "${name}" is ${show(value)}, but must be ${remedy}`);
}

/** Refuse options that do not exist. */
export function checkNames(options: object, known: readonly string[], where: string): void {
  if (typeof options !== "object" || options === null) {
    throw new OptionError(`the options of ${where} are ${show(options)}, but must be an object`);
  }
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw new OptionError(
        `${where} has no option "${name}"; its options are ${known.join(", ")}`,
      );
    }
  }
}

/** A list of workers from one or several. */
export function checkWorkers(value: unknown): string[] {
  const workers = typeof value === "string" ? [value] : value;
  const remedy =
    "one or several addresses, hosts or names of workers; leave it out for all of them";
  if (!Array.isArray(workers) || workers.length === 0) refuseOption("workers", value, remedy);
  for (const worker of workers) if (!isName(worker)) refuseOption("workers", value, remedy);
  return [...workers];
}

/** A number of seconds, or undefined. */
export function checkSeconds(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !(value > 0)) {
    refuseOption(name, value, "a number of seconds above 0; leave it out for no limit");
  }
  return value === Infinity ? undefined : value;
}

/** true, false or undefined. */
export function checkBoolean(name: string, value: unknown): boolean | undefined {
  if (value === undefined || typeof value === "boolean") return value;
  refuseOption(name, value, "true or false");
}

function checkKey(value: unknown): string | readonly string[] {
  const remedy = `a name of 1 to ${LONGEST_NAME} characters, or for map an array of names`;
  if (Array.isArray(value)) {
    for (const key of value) if (!isName(key)) refuseOption("key", value, remedy);
    const seen = new Set<string>();
    for (const key of value) {
      if (seen.has(key)) {
        refuseOption("key", value, `names that differ: ${show(key)} is there twice`);
      }
      seen.add(key);
    }
    return [...value];
  }
  if (!isName(value)) refuseOption("key", value, remedy);
  return value;
}

function checkResources(value: unknown): Record<string, number> {
  const remedy = "an object of numbers above 0, such as { GPU: 1 }";
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    refuseOption("resources", value, remedy);
  }
  for (const [name, amount] of Object.entries(value)) {
    if (typeof amount !== "number" || !(amount > 0) || amount === Infinity) {
      refuseOption(`resources.${name}`, amount, "a number above 0");
    }
  }
  return { ...value } as Record<string, number>;
}

const optionNames = [
  "key",
  "pure",
  "workers",
  "allowOtherWorkers",
  "resources",
  "priority",
  "retries",
  "timeout",
];

/**
 * Check options and put them over others.
 *
 * @param options What the user gave.
 * @param base The options that apply where the user gave none.
 * @returns All options, copied.
 * @throws {OptionError} When one is unknown or has a wrong value.
 */
export function checkOptions(options: TaskOptions, base: CheckedOptions): CheckedOptions {
  checkNames(options, optionNames, "with()");
  const { key, pure, workers, allowOtherWorkers, resources, priority, retries, timeout } = options;
  const group: GroupOptions = { ...base.group };
  if (workers !== undefined) group.workers = checkWorkers(workers);
  if (allowOtherWorkers !== undefined) {
    group.allowOtherWorkers = checkBoolean("allowOtherWorkers", allowOtherWorkers);
  }
  if (resources !== undefined) group.resources = checkResources(resources);
  if (priority !== undefined) {
    if (typeof priority !== "number" || !Number.isFinite(priority)) {
      refuseOption("priority", priority, "a finite number");
    }
    group.priority = priority;
  }
  if (retries !== undefined) {
    if (!Number.isSafeInteger(retries) || retries < 0) {
      refuseOption("retries", retries, "a whole number of at least 0");
    }
    group.retries = retries;
  }
  if (timeout !== undefined) group.timeout = checkSeconds("timeout", timeout);
  if (group.allowOtherWorkers && group.workers === undefined) {
    throw new OptionError(
      `option "allowOtherWorkers" is true without workers; say which workers are preferred`,
    );
  }
  return {
    key: key === undefined ? base.key : checkKey(key),
    pure: checkBoolean("pure", pure) ?? base.pure,
    group,
  };
}
