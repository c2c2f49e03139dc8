/**
 * A thread pool for tests: runs functions given as functions, hands out outcomes as promises, and
 * keeps what else the pool says.
 *
 * @module
 */
import { deserialize, serialize } from "../../../protocol/values.ts";
import { functionPart, type NamedPart } from "../../support/function_part.ts";
import {
  type ConsoleOutput,
  type Outcome,
  type ThreadPart,
  ThreadPool,
  type ThreadPoolOptions,
  type ThreadsChanged,
  type ThreadTask,
} from "../../../worker/threads/thread_pool.ts";

/** Stands for a dependency in arguments. */
export class Dependency {
  constructor(readonly key: string) {}
}

/** What a test may say about a task besides its function and arguments. */
export interface TaskExtras {
  dependencies?: Record<string, unknown>;
  timeout?: number;
  /** Source of the function, in place of that of the function given. */
  source?: string;
  kind?: "expression" | "method";
  name?: string;
  /** Further parts that the task needs. */
  needs?: ThreadPart[];
}

/** A part as the pool takes it. */
export function threadPart({ name, part }: NamedPart, needs: ThreadPart[] = []): ThreadPart {
  return { name, code: part.code, origin: part.origin, needs };
}

// deno-lint-ignore no-explicit-any
type AnyFunction = (...args: any[]) => unknown;

/** A task of the pool. */
export function makeTask(
  key: string,
  run: AnyFunction | undefined,
  args: unknown[] = [],
  extras: TaskExtras = {},
): ThreadTask {
  const source = extras.source ?? String(run);
  const kind = extras.kind ?? "expression";
  const name = extras.name ?? (run?.name || "f");
  const dependencies = extras.dependencies === undefined ? undefined : new Map(
    Object.entries(extras.dependencies).map(([key, value]) => [key, serialize(value)] as const),
  );
  const reference = (object: object) => object instanceof Dependency ? object.key : undefined;
  return {
    key,
    function: threadPart(functionPart(source, { name, kind })),
    needs: extras.needs,
    args: serialize(args, { reference }),
    dependencies,
    timeout: extras.timeout,
  };
}

/** A pool that a test can ask. */
export class TestPool {
  readonly pool: ThreadPool;
  /** Outcomes in the order in which they came. */
  readonly outcomes: Outcome[] = [];
  readonly console: ConsoleOutput[] = [];
  readonly threadsChanged: ThreadsChanged[] = [];
  readonly failures: Error[] = [];
  readonly #waiting = new Set<() => boolean>();

  private constructor(options: Partial<ThreadPoolOptions>) {
    this.pool = new ThreadPool({
      nthreads: 1,
      onOutcome: (outcome) => this.#note(this.outcomes, outcome),
      onConsole: (output) => this.#note(this.console, output),
      onThreadsChanged: (threads) => this.#note(this.threadsChanged, threads),
      onFailure: (error) => this.#note(this.failures, error),
      ...options,
    });
  }

  /** Starts a pool, of one thread if nothing else is said. */
  static async start(options: Partial<ThreadPoolOptions> = {}): Promise<TestPool> {
    const pool = new TestPool(options);
    await pool.pool.start();
    return pool;
  }

  #note<T>(list: T[], item: T): void {
    list.push(item);
    for (const check of this.#waiting) if (check()) this.#waiting.delete(check);
  }

  /** Waits until something that the pool says makes `condition` true. */
  until(condition: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!condition()) return false;
        resolve();
        return true;
      };
      if (!check()) this.#waiting.add(check);
    });
  }

  /** Hands a task to the pool. */
  execute(key: string, run: AnyFunction | undefined, args?: unknown[], extras?: TaskExtras): void {
    this.pool.execute(makeTask(key, run, args, extras));
  }

  /** The first outcome of a task, or of the `nth` of its name. */
  async outcome(key: string, nth = 1): Promise<Outcome> {
    const found = () => this.outcomes.filter((outcome) => outcome.key === key)[nth - 1];
    await this.until(() => found() !== undefined);
    return found();
  }

  /** Runs a task; resolves with its value, or throws its error. */
  async run(
    key: string,
    run: AnyFunction | undefined,
    args?: unknown[],
    extras?: TaskExtras,
  ): Promise<unknown> {
    this.execute(key, run, args, extras);
    return valueOf(await this.outcome(key));
  }

  /** Waits until a task has written `text` to its console: it runs. */
  wrote(text: string): Promise<void> {
    return this.until(() => this.console.some((output) => output.text === text));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.pool.close();
  }
}

/** The value of an outcome; throws its error. */
export function valueOf(outcome: Outcome): unknown {
  if (outcome.status === "finished") return deserialize(outcome.value);
  if (outcome.status === "erred") throw deserialize(outcome.exception);
  throw new Error(`Task ${outcome.key} is ${outcome.status}`);
}
