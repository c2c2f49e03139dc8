/**
 * The cluster that the benchmarks run on: a scheduler process and worker processes of one thread
 * each, all on loopback, with this process as the client.
 *
 * @module
 */
import { setTimeout as pause } from "node:timers/promises";
import { Client, Security, type SecurityOptions } from "../mod.ts";
import { TextLineReader } from "./text_lines.ts";

/** A client and the processes of its cluster. */
export interface BenchCluster {
  client: Client;
  /** Where the scheduler listens. */
  address: string;
  /** Ids of the processes, by what they are: "scheduler", "worker A", … */
  pids: Record<string, number>;
  close(): Promise<void>;
}

/** A program of `cli/` in a process of its own, which ends with this one. */
function startProgram(program: string, ...args: string[]): Deno.ChildProcess {
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--allow-all",
      "--unstable-worker-options",
      "--quiet",
      new URL(`../cli/${program}.ts`, import.meta.url).pathname,
      ...args,
      "--exit-with-stdin",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  void passOnComplaints(child.stderr);
  return child;
}

/** Show what a program says on its standard error, but for what is no trouble. */
async function passOnComplaints(stream: ReadableStream<Uint8Array>): Promise<void> {
  const lines = new TextLineReader(stream);
  let line: string | null;
  while ((line = await lines.next()) !== null) if (!line.includes(" INFO ")) console.error(line);
}

/**
 * Start a scheduler and workers, and connect to them.
 *
 * @param names Names of the workers.
 * @param tls Certificates of all of them: then they speak TLS.
 */
export async function startCluster(
  names = ["A", "B"],
  tls?: SecurityOptions,
): Promise<BenchCluster> {
  const protection = tls === undefined ? [] : [
    ...["--tls-ca-file", tls.tlsCaFile!],
    ...["--tls-cert", tls.tlsSchedulerCert!],
    ...["--tls-key", tls.tlsSchedulerKey!],
  ];
  const scheduler = startProgram("scheduler", "--host", "127.0.0.1", "--port", "0", ...protection);
  const outputs = [new TextLineReader(scheduler.stdout)];
  const address = (await outputs[0].next())?.match(/(tcp|tls):\S+/)?.[0];
  if (address === undefined) throw new Error("the scheduler did not say its address");
  const processes = [scheduler];
  const pids: Record<string, number> = { scheduler: scheduler.pid };
  for (const name of names) {
    // Without a nanny, so that the process is the worker's.
    const flags = ["--no-nanny", "--nthreads", "1", "--name", name, "--host", "127.0.0.1"];
    const worker = startProgram("worker", address, ...flags, ...protection);
    processes.push(worker);
    pids[`worker ${name}`] = worker.pid;
    outputs.push(new TextLineReader(worker.stdout));
    await outputs.at(-1)!.next();
  }
  const client = await Client.connect(address, tls && { security: new Security(tls) });
  while (Object.keys(await client.ncores()).length < names.length) await pause(10);
  return {
    client,
    address,
    pids,
    async close() {
      await client.close();
      for (const process of processes.reverse()) {
        process.kill("SIGTERM");
        await process.status;
      }
    },
  };
}
