/**
 * Speed and memory of the scheduler's core alone, with 100 simulated workers that answer at once:
 * `deno run --v8-flags=--expose-gc bench/scheduler.ts [--json] [--quick] [--tasks N]`.
 *
 * A task's time is its whole life: it comes with a graph, is placed, finishes, is announced to the
 * client, and is released. Its memory is what the heap has grown by when all results are held, with
 * the key and the arguments that the graph brought; what is left is measured after the release.
 *
 * @module
 */
import type {
  SchedulerToClient,
  SchedulerToWorker,
  TaskFinished,
  TaskGroup,
} from "../protocol/messages.ts";
import { Serialized } from "../protocol/serialized.ts";
import { SchedulerCore } from "../scheduler/core.ts";
import { Table } from "./table.ts";

const WORKERS = 100;
const THREADS_PER_WORKER = 4;
/** Tasks that a client sends in one message, and that a worker reports in one. */
const BATCH = 5_000;
/** Tasks that go through a core before it is measured. */
const WARM_UP = 120_000;
const CODE = new Serialized([new TextEncoder().encode("(x) => x + 1")]);

/** What one run has shown. */
interface Figures {
  microsecondsPerTask: number;
  bytesPerTask: number;
  bytesLeft: number;
}

/** A graph as messages of a client, each with its groups; made when it is needed. */
interface Workload {
  name: string;
  messages(tasks: number): Generator<TaskGroup[]>;
}

let hashes = 0;

/** A key as clients make them: a name and 32 hexadecimal digits. */
function makeKey(name: string): string {
  const digits = (++hashes).toString(16).padStart(8, "0");
  // Flattened, as a key that came over the wire is: not a rope of its parts.
  return JSON.parse(`"${name}-${digits}${digits}${digits}${digits}"`);
}

/** Arguments as they come off the wire: a copy of their own, of some 24 bytes. */
function makeArgs(): Serialized {
  return new Serialized([new Uint8Array(24)]);
}

const workloads: Workload[] = [
  {
    name: "map",
    *messages(tasks) {
      for (let made = 0; made < tasks; made += BATCH) {
        const size = Math.min(BATCH, tasks - made);
        yield [{
          function: "inc",
          keys: Array.from({ length: size }, () => makeKey("inc")),
          args: Array.from({ length: size }, makeArgs),
        }];
      }
    },
  },
  {
    name: "tree",
    *messages(tasks) {
      // Blocks of leaves and what sums them up pairwise; all results are wanted.
      const leaves = BATCH / 2;
      for (let made = 0; made < tasks; made += BATCH) {
        let layer = Array.from(
          { length: Math.min(leaves, Math.ceil((tasks - made) / 2)) },
          () => makeKey("load"),
        );
        const groups: TaskGroup[] = [{
          function: "inc",
          keys: layer,
          args: layer.map(makeArgs),
        }];
        while (layer.length > 1) {
          const dependencies: string[][] = [];
          for (let i = 0; i + 1 < layer.length; i += 2) dependencies.push([layer[i], layer[i + 1]]);
          if (layer.length % 2 === 1) dependencies[dependencies.length - 1].push(layer.at(-1)!);
          const keys = dependencies.map(() => makeKey("add"));
          groups.push({ function: "add", keys, args: keys.map(makeArgs), dependencies });
          layer = keys;
        }
        yield groups;
      }
    },
  },
];

/** The heap's size without garbage, in bytes; NaN when that cannot be found out. */
async function weigh(): Promise<number> {
  const gc = (globalThis as { gc?: () => void }).gc;
  if (gc === undefined) return NaN;
  for (let i = 0; i < 3; i++) {
    // Lets go of what the last task on the event loop still holds in its registers.
    await new Promise((resolve) => setTimeout(resolve));
    gc();
  }
  return Deno.memoryUsage().heapUsed;
}

/** A core with its workers and a client, in virtual time: only the core's own work is timed. */
class Bench {
  readonly core = new SchedulerCore();
  milliseconds = 0;
  #now = 0;

  constructor() {
    this.core.addClient("client", 0);
    for (let i = 0; i < WORKERS; i++) {
      this.core.addWorker({
        op: "register-worker",
        address: `tcp://10.0.0.${i}:4000`,
        host: `10.0.0.${i}`,
        name: `worker-${i}`,
        nthreads: THREADS_PER_WORKER,
        resources: {},
        now: 0,
        pid: i,
        versions: {},
        nbytes: {},
      }, 0);
    }
  }

  /** Computes a workload. @returns The keys, all of them in memory now. */
  compute(workload: Workload, tasks: number): string[] {
    const keys: string[] = [];
    for (const groups of workload.messages(tasks)) {
      const parts = { inc: { code: CODE }, add: { code: CODE } };
      this.#time(() =>
        this.core.updateGraph("client", { op: "update-graph", parts, groups }, this.#now)
      );
      for (const group of groups) for (const key of group.keys) keys.push(key);
      while (this.#answer());
    }
    return keys;
  }

  /** Lets go of all results. */
  release(keys: string[]): void {
    for (let i = 0; i < keys.length; i += BATCH) {
      const released = keys.slice(i, i + BATCH);
      this.#time(() => {
        this.core.clientReleasesKeys("client", released, this.#now);
        this.core.drain(ignoreWorker, ignoreClient);
      });
    }
    if (this.core.tasks.size > 0) throw new Error(`${this.core.tasks.size} tasks are left`);
  }

  /** The workers finish what they were sent. @returns Whether there was anything. */
  #answer(): boolean {
    const sent: [string, SchedulerToWorker[]][] = [];
    this.#time(() =>
      this.core.drain((address, messages) => void sent.push([address, messages]), ignoreClient)
    );
    const finished: [string, TaskFinished][] = [];
    const start = this.#now, stop = this.#now + 0.01;
    for (const [address, messages] of sent) {
      for (const message of messages) {
        if (message.op !== "compute-task") continue;
        const { key } = message;
        finished.push([
          address,
          { op: "task-finished", key, nbytes: 28, type: "number", start, stop, thread: 0 },
        ]);
      }
    }
    this.#now = stop;
    this.#time(() => {
      for (const [address, message] of finished) {
        this.core.stimulusTaskFinished(address, message, stop);
      }
    });
    return finished.length > 0;
  }

  #time(work: () => void): void {
    const start = performance.now();
    work();
    this.milliseconds += performance.now() - start;
  }
}

/** Microseconds that a task takes. */
function time(workload: Workload, tasks: number): number {
  const bench = new Bench();
  bench.release(bench.compute(workload, WARM_UP));
  bench.milliseconds = 0;
  bench.release(bench.compute(workload, tasks));
  return bench.milliseconds * 1000 / tasks;
}

/** What tasks add to the heap, and what they leave on it. Not timed: collecting garbage drops code. */
async function weighTasks(
  workload: Workload,
  tasks: number,
): Promise<{ bytesPerTask: number; bytesLeft: number }> {
  const bench = new Bench();
  // The log of transitions is bounded, but not small: what goes before fills it.
  bench.release(bench.compute(workload, WARM_UP));
  const before = await weigh();
  let keys: string[] | null = bench.compute(workload, tasks);
  const held = await weigh();
  bench.release(keys);
  keys = null;
  const left = await weigh();
  return { bytesPerTask: (held - before) / tasks, bytesLeft: Math.max(0, left - before) };
}

async function measure(workload: Workload, tasks: number): Promise<Figures> {
  let microsecondsPerTask = time(workload, tasks);
  // The quickest of several runs, where one is short: the machine may be doing other things.
  for (let i = 1; i < 3 && tasks <= 100_000; i++) {
    microsecondsPerTask = Math.min(microsecondsPerTask, time(workload, tasks));
  }
  return { microsecondsPerTask, ...await weighTasks(workload, tasks) };
}

function ignoreClient(_id: string, _messages: SchedulerToClient[]): void {}
function ignoreWorker(_address: string, _messages: SchedulerToWorker[]): void {}

function readFlags(args: string[]): { json: boolean; sizes: number[] } {
  let json = false;
  let sizes = [10_000, 100_000, 1_000_000];
  for (let i = 0; i < args.length; i++) {
    if (args[i] === "--json") {
      json = true;
    } else if (args[i] === "--quick") {
      sizes = [10_000, 100_000];
    } else if (args[i] === "--tasks" && Number(args[i + 1]) >= 1) {
      sizes = [Math.floor(Number(args[++i]))];
    } else if (Number(args[i]) >= 1) {
      sizes = [Math.floor(Number(args[i]))];
    } else {
      console.error(`bench: ${args[i]}: there are --json, --quick, and --tasks N`);
      Deno.exit(2);
    }
  }
  return { json, sizes };
}

if (import.meta.main) {
  const { json, sizes } = readFlags(Deno.args);
  const table = new Table(json);
  const add = (name: string, dusk: number, unit: string) => {
    if (!Number.isNaN(dusk)) table.add({ name, dusk, peer: null, ratio: null, unit });
  };
  table.note(`scheduler core, ${WORKERS} workers of ${THREADS_PER_WORKER} threads`);
  if (Number.isNaN(await weigh())) {
    table.note("memory is not measured without --v8-flags=--expose-gc");
  }
  for (const workload of workloads) {
    for (const size of sizes) {
      const figures = await measure(workload, size);
      const name = `scheduler ${workload.name} ${size}`;
      add(name, round(figures.microsecondsPerTask), "µs/task");
      add(`${name} heap`, Math.round(figures.bytesPerTask), "B/task");
      add(`${name} heap left`, Math.round(figures.bytesLeft / 1000), "kB");
    }
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
