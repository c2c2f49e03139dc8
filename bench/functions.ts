/**
 * What it costs that functions travel with what they close over: `deno run -A bench/functions.ts [--quick] [--transfers]`.
 *
 * `--transfers` measures only how fast large arrays get to tasks.
 *
 * With `--transfer KIND` it is the client process of one transfer, which measures the memory of itself
 * and of its cluster, and prints one JSON object.
 *
 * @module
 */
import type { Client } from "../mod.ts";
import type { AnyFunction } from "../protocol/functions/definition.ts";
import { Capture } from "../protocol/functions/capture.ts";
import { startCluster } from "./cluster.ts";
import { memoryIsKnown, memoryOf, resetPeak } from "./process_memory.ts";
import type { ImportReport } from "./package_import.ts";
import { measureRawTcp } from "./raw_tcp.ts";
import { median } from "./workloads.ts";

const quick = Deno.args.includes("--quick");
const TRANSFER_BYTES = quick ? 10e6 : 100e6;

/** How the array reaches the task. */
type Kind = "captured" | "argument";

/** What the process of a transfer prints. */
interface TransferReport {
  /** Seconds from `submit` to the result, for each repetition. */
  seconds: number[];
  /** Of these, how long the call of `submit` took: it copies the array, and hashes it for the key. */
  submitting: number[];
  /** By process: resident before, and the most during the transfers, in bytes. */
  memory: Record<string, { before: number; peak: number }>;
}

function row(name: string, value: number, unit: string, note = ""): void {
  const figure = value.toFixed(value < 100 ? 2 : 0);
  console.log(`${name.padEnd(46)} ${figure.padStart(9)} ${unit.padEnd(8)} ${note}`.trimEnd());
}

function milliseconds(run: () => unknown): number {
  const start = performance.now();
  run();
  return performance.now() - start;
}

/** Modules of ten functions, each with three captured values: a number, a text and a helper. */
async function functionsOfModules(modules: number): Promise<((x: number) => unknown)[][]> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-bench-" });
  try {
    const all = [];
    for (let module = 0; module < modules; module++) {
      const lines = [`const rate: number = ${module};\nconst unit: string = "m";\n`];
      for (let i = 0; i < 10; i++) {
        lines.push(
          `const helper${i} = (x: number): number => x + ${i};\n`,
          `const task${i} = (x: number): string => helper${i}(x) * rate + unit;\n`,
        );
      }
      const names = Array.from({ length: 10 }, (_, i) => `task${i}`);
      lines.push(`export default [${names.join(", ")}];\n`);
      const path = `${folder}/module${module}.ts`;
      await Deno.writeTextFile(path, lines.join(""));
      all.push((await import(`file://${path}`)).default);
    }
    return all;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Capturing and encoding, in this process alone. */
async function measureCapture(): Promise<void> {
  const capture = new Capture({
    resolve: () => {
      throw new Error("these functions import nothing");
    },
    isUploaded: () => false,
  });
  const time = (task: AnyFunction) => milliseconds(() => capture.function(task));
  const modules = await functionsOfModules(quick ? 10 : 100);
  row("capture of a program's first function", time(modules[0][0]), "ms");
  const first: number[] = [];
  const others: number[] = [];
  for (const [task, ...rest] of modules.slice(1)) {
    first.push(time(task));
    others.push(...rest.map(time));
  }
  row("capture of a function with 3 values", median(others) * 1000, "µs");
  row("… when it is the first one of its module", median(first) * 1000, "µs");
  const tasks = modules.flat();
  const rounds = quick ? 20 : 200;
  const again = milliseconds(() => {
    for (let i = 0; i < rounds; i++) for (const task of tasks) capture.function(task);
  });
  row("… when it was captured before", again / rounds / tasks.length * 1000, "µs");
  const array = new Float64Array(TRANSFER_BYTES / 8);
  const withArray = () => array.length;
  const name = `${TRANSFER_BYTES / 1e6} MB`;
  row(
    `capture of an array of ${name}, first time`,
    time(withArray),
    "ms",
  );
  row(`capture of the same array again`, time(withArray), "ms");
}

const offset = 1;
const plusOffset = (x: number) => x + offset;
const withHelper = (x: number) => plusOffset(x);
const selfContained = (x: number) => {
  const plusOne = (x: number) => x + 1;
  return plusOne(x);
};

let nextNumber = 0;

async function mapSeconds(client: Client, fn: (x: number) => number, count: number) {
  const numbers = Array.from({ length: count }, () => nextNumber++);
  const start = performance.now();
  const futures = client.map(fn, numbers);
  const results = await client.gather(futures);
  const seconds = (performance.now() - start) / 1000;
  if (results[count - 1] !== numbers[count - 1] + 1) throw new Error("map got a wrong result");
  for (const future of futures) future.release();
  return seconds;
}

/** Both kinds of function take turns, so that they meet the same machine. */
async function measureMap(client: Client): Promise<void> {
  const count = quick ? 1_000 : 10_000;
  const helper: number[] = [];
  const contained: number[] = [];
  for (let round = 0; round < (quick ? 4 : 24); round++) {
    const one = await mapSeconds(client, selfContained, count);
    const other = await mapSeconds(client, withHelper, count);
    if (round < 3) continue; // until V8 has compiled it
    contained.push(one);
    helper.push(other);
  }
  const rates = [contained, helper].map((seconds) => count / median(seconds));
  row(`map ${count}, self-contained function`, rates[0], "tasks/s");
  const note = `${(rates[1] / rates[0] * 100).toFixed(1)} % of it`;
  row(`map ${count}, function with a captured helper`, rates[1], "tasks/s", note);
}

/** In a program of its own: see there. */
async function measureImport(address: string): Promise<void> {
  const program = new URL("package_import.ts", import.meta.url).href;
  const report = await runProgram<ImportReport>(program, address, quick ? "30" : "300");
  row("import of 1.2 MB: its first submit, which bundles", report.submit, "ms");
  row("… and from there to the result", report.result, "ms");
  row("… submit of another function that imports it", report.again, "ms");
  row("one task, without an import", median(report.plain), "ms");
  row("one task that uses the import, from the third on", median(report.importing), "ms");
}

/** Run a client process that prints its report. */
async function runProgram<T>(...args: string[]): Promise<T> {
  const { stdout, success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", ...args],
    stdin: "null",
    stderr: "inherit",
  }).output();
  if (!success) throw new Error(`${args.join(" ")} failed`);
  return JSON.parse(new TextDecoder().decode(stdout));
}

/** Run one kind of transfer in a client process of its own. */
function runTransfer(kind: Kind): Promise<TransferReport> {
  return runProgram(import.meta.url, "--transfer", kind, ...quick ? ["--quick"] : []);
}

/** The client process of a transfer: each repetition sends other bytes, so none is there already. */
async function transfer(kind: Kind): Promise<TransferReport> {
  const { client, pids, close } = await startCluster(["A"]);
  const array = new Float64Array(TRANSFER_BYTES / 8);
  // Else it is the compression that is measured.
  for (let i = 0; i < array.length; i++) array[i] = Math.random();
  const captured = () => array[0] + array.length;
  const argument = (array: Float64Array) => array[0] + array.length;
  const report: TransferReport = { seconds: [], submitting: [], memory: {} };
  const { seconds, submitting, memory } = report;
  const once = async (number: number): Promise<void> => {
    array[0] = number;
    const start = performance.now();
    const future = kind === "captured" ? client.submit(captured) : client.submit(argument, array);
    submitting.push((performance.now() - start) / 1000);
    const result = await future.result();
    seconds.push((performance.now() - start) / 1000);
    if (result !== number + array.length) throw new Error("the task got another array");
    future.release();
  };
  await client.submit((x: number) => x, 1).result();

  const processes: Record<string, number> = { client: Deno.pid, ...pids };
  if (memoryIsKnown) {
    for (const [name, pid] of Object.entries(processes)) {
      resetPeak(pid);
      memory[name] = { before: memoryOf(pid).resident, peak: 0 };
    }
    await once(-1);
    for (const [name, pid] of Object.entries(processes)) memory[name].peak = memoryOf(pid).peak;
  } else await once(-1);
  for (let i = 0; i < (quick ? 2 : 8); i++) await once(i);
  await close();
  // The first one found cold memory.
  return { seconds: seconds.slice(1), submitting: submitting.slice(1), memory };
}

/** Seconds that the array takes over one TCP connection, each time. */
async function runRawTcp(): Promise<number[]> {
  return (await measureRawTcp(TRANSFER_BYTES, quick ? 3 : 8, "large")).slice(1);
}

async function measureTransfers(): Promise<void> {
  const size = `${TRANSFER_BYTES / 1e6} MB`;
  let before = await runRawTcp();
  for (const kind of ["argument", "captured"] as const) {
    const { seconds, submitting, memory } = await runTransfer(kind);
    // Before and after: how fast memory is changes from one second to the next on some machines.
    const after = await runRawTcp();
    const raw = median([...before, ...after]);
    before = after;
    const ratio = `from submit to result: ${(raw / median(seconds) * 100).toFixed(0)} % of raw TCP`;
    row(`${size}, raw TCP`, TRANSFER_BYTES / raw / 1e6, "MB/s");
    row(
      `${size} array to a thread, ${kind}`,
      TRANSFER_BYTES / median(seconds) / 1e6,
      "MB/s",
      ratio,
    );
    row("… time for that", median(seconds) * 1000, "ms");
    row("… of it in the call of submit", median(submitting) * 1000, "ms");
    for (const [process, { before, peak }] of Object.entries(memory)) {
      const more = (peak - before) / TRANSFER_BYTES;
      row(
        `… peak memory, ${process}`,
        peak / 1e6,
        "MB",
        `${more.toFixed(2)} arrays more than before`,
      );
    }
  }
}

async function main(): Promise<void> {
  if (Deno.args.includes("--transfers")) return await measureTransfers();
  await measureCapture();
  const { client, address, close } = await startCluster();
  try {
    await measureMap(client);
    await measureImport(address);
  } finally {
    await close();
  }
  await measureTransfers();
}

if (import.meta.main) {
  const kind = Deno.args[Deno.args.indexOf("--transfer") + 1];
  if (!Deno.args.includes("--transfer")) await main();
  else console.log(JSON.stringify(await transfer(kind as Kind)));
}
