/**
 * From calls to tasks: `submit` and `map`.
 *
 * @module
 */
import { withBlobsSync } from "../protocol/blob_sync.ts";
import type { CapturedFunction } from "../protocol/functions/capture.ts";
import type { AnyFunction } from "../protocol/functions/definition.ts";
import { tokenize } from "../protocol/tokenize.ts";
import type { Future } from "./future.ts";
import type { TaskCode } from "./outbox.ts";
import type { Session } from "./session.ts";
import { ArgumentEncoder, type EncodedArguments } from "./task_arguments.ts";
import { type CheckedOptions, refuseOption } from "./task_options.ts";

/** Submit one task. */
export function submitTask(
  session: Session,
  options: CheckedOptions,
  fn: AnyFunction,
  args: readonly unknown[],
): Future<unknown> {
  session.check("submit()");
  const captured = withBlobsSync(() => session.capture.function(fn));
  const { key } = options;
  if (key !== undefined && typeof key !== "string") {
    refuseOption("key", key, "one name for submit; an array of names is for map");
  }
  const encoder = argumentEncoder(session, fn);
  const encoded = encoder.encode(args);
  const code = taskCode(session, captured, encoder);
  return addTask(session, options, code, key, captured.prefix, encoded);
}

/** Submit a task for each set of items, up to the end of the shortest iterable. */
export function mapTasks(
  session: Session,
  options: CheckedOptions,
  fn: AnyFunction,
  iterables: readonly Iterable<unknown>[],
): Future<unknown>[] {
  session.check("map()");
  const captured = withBlobsSync(() => session.capture.function(fn));
  const rows = zip(iterables);
  const { key } = options;
  const names = typeof key === "string" ? undefined : key;
  if (names !== undefined && names.length !== rows.length) {
    refuseOption("key", key, `a prefix, or as many names as there are tasks: ${rows.length}`);
  }
  const prefix = typeof key === "string" ? key : captured.prefix;
  const encoder = argumentEncoder(session, fn);
  // All or nothing: no task goes out when an item further on is refused.
  const encoded = rows.map((row) => encoder.encode(row));
  const code = taskCode(session, captured, encoder);
  return encoded.map((args, i) => addTask(session, options, code, names?.[i], prefix, args));
}

function argumentEncoder(session: Session, fn: AnyFunction): ArgumentEncoder {
  const isShared = session.options.address.startsWith("inproc:");
  return new ArgumentEncoder(session, () => session.capture.writer(fn), isShared);
}

/** What the tasks of one call need besides their arguments. */
function taskCode(
  session: Session,
  { part, parts }: CapturedFunction,
  encoder: ArgumentEncoder,
): TaskCode {
  const registrations = session.capture.registrations();
  const { code } = encoder;
  const others = code === undefined ? [registrations] : [registrations, code];
  return { function: part, parts, others };
}

function addTask(
  session: Session,
  options: CheckedOptions,
  code: TaskCode,
  name: string | undefined,
  prefix: string,
  { args, dependencies }: EncodedArguments,
): Future<unknown> {
  const key = name ??
    `${prefix}-${options.pure ? tokenize(code.function, args) : crypto.randomUUID()}`;
  const { outbox, table } = session;
  const known = table.states.get(key);
  // A scheduler that has begun anew does not know how to compute what is lost.
  if (known !== undefined && known.status !== "lost") return session.future(known);
  const state = known ?? table.add(key);
  outbox.addTask(code, options.group, key, args, args.nbytes, dependencies);
  state.update = outbox.updates;
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
