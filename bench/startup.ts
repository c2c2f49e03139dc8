/**
 * How long the compiled programs take to be there, and the memory they take when they idle: `deno run -A
 * bench/startup.ts [FOLDER] [--quick]`, with the binaries of `deno task compile` in FOLDER (`dist`).
 *
 * @module
 */
import { memoryIsKnown, memoryOf } from "./process_memory.ts";
import { TextLineReader } from "./text_lines.ts";
import { median } from "./workloads.ts";

/** Seconds and megabytes that are meant to be kept, on a machine that has nothing else to do. */
const GOALS = {
  "scheduler listens after": 0.3,
  "worker has joined after": 0.7,
  "scheduler's memory": 90,
  "nanny's memory": Infinity,
  "worker's memory, 1 thread": 100,
  "worker's memory, 4 threads": 160,
};

type Figure = keyof typeof GOALS;

const samples = new Map<Figure, number[]>();

function sample(figure: Figure, value: number): void {
  samples.set(figure, [...samples.get(figure) ?? [], value]);
}

/** A program that runs, and how long it took until it said what was waited for, in seconds. */
interface Started extends AsyncDisposable {
  pid: number;
  seconds: number;
  match: RegExpMatchArray;
}

async function start(program: string, args: string[], until: RegExp): Promise<Started> {
  const began = performance.now();
  const child = new Deno.Command(program, {
    args: [...args, "--exit-with-stdin"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const lines = new TextLineReader(child.stdout);
  for (let line; (line = await lines.next()) !== null;) {
    const match = line.match(until);
    if (match === null) continue;
    const seconds = (performance.now() - began) / 1000;
    return {
      pid: child.pid,
      seconds,
      match,
      async [Symbol.asyncDispose]() {
        await child.stdin.close();
        while (await lines.next() !== null);
        await child.status;
      },
    };
  }
  throw new Error(`${program} ended without having said ${until}`);
}

/** The process that a nanny runs its worker in. */
function workerOf(nanny: number): number {
  const children = Deno.readTextFileSync(`/proc/${nanny}/task/${nanny}/children`);
  return Number(children.trim().split(" ")[0]);
}

async function measureOnce(folder: string, nthreads: number): Promise<void> {
  await using scheduler = await start(
    `${folder}/dusk-scheduler`,
    ["--host", "127.0.0.1", "--port", "0"],
    /started at (\S+)/,
  );
  sample("scheduler listens after", scheduler.seconds);
  const flags = [scheduler.match[1], "--nthreads", `${nthreads}`];
  await using nanny = await start(`${folder}/dusk-worker`, flags, /^Registered with/);
  sample("worker has joined after", nanny.seconds);
  if (!memoryIsKnown) return;
  const megabytes = (pid: number) => memoryOf(pid).resident / 1e6;
  sample("scheduler's memory", megabytes(scheduler.pid));
  sample("nanny's memory", megabytes(nanny.pid));
  const worker = workerOf(nanny.pid);
  if (worker > 0) {
    sample(`worker's memory, ${nthreads === 1 ? "1 thread" : "4 threads"}`, megabytes(worker));
  }
}

if (import.meta.main) {
  const isQuick = Deno.args.includes("--quick");
  const folder = Deno.args.find((argument) => !argument.startsWith("-")) ??
    new URL("../dist", import.meta.url).pathname;
  for (let i = 0; i < (isQuick ? 1 : 5); i++) {
    await measureOnce(folder, 1);
    await measureOnce(folder, 4);
  }
  console.log(`${"median of each".padEnd(30)}${"here".padStart(8)}${"goal".padStart(8)}`);
  for (const [figure, goal] of Object.entries(GOALS)) {
    const values = samples.get(figure as Figure);
    if (values === undefined) continue;
    const isTime = figure.includes("after");
    const shown = isTime ? `${median(values).toFixed(2)} s` : `${Math.round(median(values))} MB`;
    const wanted = goal === Infinity ? "-" : isTime ? `${goal} s` : `${goal} MB`;
    console.log(`${figure.padEnd(30)}${shown.padStart(8)}${wanted.padStart(8)}`);
  }
}
