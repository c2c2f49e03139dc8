/**
 * From calls to tasks: `submit` and `map`.
 *
 * @module
 */
import { tokenize } from "../protocol/tokenize.ts";
import type { Future } from "./future.ts";
import { type AnyFunction, type FunctionCode, functionCode } from "./functions/function_code.ts";
import type { Session } from "./session.ts";
import { encodeArguments, type EncodedArguments } from "./task_arguments.ts";
import { type CheckedOptions, refuseOption } from "./task_options.ts";

/** Submit one task. */
export function submitTask(
  session: Session,
  options: CheckedOptions,
  fn: AnyFunction,
  args: readonly unknown[],
): Future<unknown> {
  session.check("submit()");
  const code = functionCode(fn);
  const { key } = options;
  if (key !== undefined && typeof key !== "string") {
    refuseOption("key", key, "one name for submit; an array of names is for map");
  }
  return addTask(session, options, code, key, code.prefix, encodeArguments(args, session));
}

/** Submit a task for each set of items, up to the end of the shortest iterable. */
export function mapTasks(
  session: Session,
  options: CheckedOptions,
  fn: AnyFunction,
  iterables: readonly Iterable<unknown>[],
): Future<unknown>[] {
  session.check("map()");
  const code = functionCode(fn);
  const rows = zip(iterables);
  const { key } = options;
  const names = typeof key === "string" ? undefined : key;
  if (names !== undefined && names.length !== rows.length) {
    refuseOption("key", key, `a prefix, or as many names as there are tasks: ${rows.length}`);
  }
  const prefix = typeof key === "string" ? key : code.prefix;
  // All or nothing: no task goes out when an item further on is refused.
  const encoded = rows.map((row) => encodeArguments(row, session));
  return encoded.map((args, i) => addTask(session, options, code, names?.[i], prefix, args));
}

function addTask(
  session: Session,
  options: CheckedOptions,
  code: FunctionCode,
  name: string | undefined,
  prefix: string,
  { args, dependencies }: EncodedArguments,
): Future<unknown> {
  const key = name ??
    `${prefix}-${options.pure ? tokenize(code.hash, args) : crypto.randomUUID()}`;
  const { table } = session;
  let state = table.states.get(key);
  if (state === undefined) {
    state = table.add(key);
    session.outbox.addTask(code, options.group, key, args, args.nbytes, dependencies);
  } else if (state.status === "lost") {
    // A scheduler that has begun anew does not know how to compute it again.
    table.submitAgain(key);
    session.outbox.addTask(code, options.group, key, args, args.nbytes, dependencies);
  }
  return session.future(state);
}

function zip(iterables: readonly Iterable<unknown>[]): unknown[][] {
  if (iterables.length === 0) {
    throw new TypeError(
      "map() needs at least one iterable of arguments: client.map(fn, [1, 2, 3])",
    );
  }
  iterables.forEach((iterable, index) => {
    if (typeof iterable?.[Symbol.iterator] !== "function") {
      throw new TypeError(
        `argument ${index + 1} of map() is ${
          iterable === null ? "null" : typeof iterable
        }, but must ` +
          `be iterable; to pass the same value to each task, make it part of the function's items`,
      );
    }
  });
  const rows: unknown[][] = [];
  if (iterables.length === 1) {
    for (const item of iterables[0]) rows.push([item]);
    return rows;
  }
  const iterators = iterables.map((iterable) => iterable[Symbol.iterator]());
  while (true) {
    const row: unknown[] = [];
    for (const iterator of iterators) {
      const { done, value } = iterator.next();
      if (done) {
        for (const other of iterators) if (other !== iterator) other.return?.();
        return rows;
      }
      row.push(value);
    }
    rows.push(row);
  }
}
