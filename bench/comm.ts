/**
 * Speed of the comms against raw TCP, between two processes on loopback:
 * `deno run -A bench/comm.ts [--quick]`.
 *
 * With `--peer` it is the other process: it prints the ports of a raw echo server and of a comm
 * server, and serves until its standard input ends.
 *
 * @module
 */
import { setImmediate } from "node:timers";
import { BatchedSend } from "../comm/batched_send.ts";
import { connect } from "../comm/comm.ts";
import { rpc } from "../comm/rpc.ts";
import { Server } from "../comm/server.ts";
import { Serialized } from "../protocol/serialized.ts";
import { measureRawTcp } from "./raw_tcp.ts";
import { TextLineReader } from "./text_lines.ts";
import { median } from "./workloads.ts";

const TRANSFER_BYTES = 50_000_000;
const SMALL = {
  op: "task-finished",
  key: "inc-123",
  nbytes: 28,
  type: "number",
  start: 1,
  stop: 2,
};

/** Echoes bytes as they come. */
async function echoRaw(listener: Deno.TcpListener): Promise<void> {
  for await (const conn of listener) {
    conn.setNoDelay(true);
    const buffer = new Uint8Array(64 * 1024);
    for (let count; (count = await conn.read(buffer)) !== null;) {
      await conn.write(buffer.subarray(0, count));
    }
    conn.close();
  }
}

async function servePeer(): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  void echoRaw(listener);
  const block = new Serialized([new Uint8Array(TRANSFER_BYTES).fill(3)]);
  const server: Server = new Server({
    handlers: {
      "task-finished": (_comm, message) => message,
      "get-block": () => ({ status: "OK", data: { block } }),
      stream: async (comm): Promise<unknown> => {
        let count = 0;
        await server.handleStream(comm, undefined, {
          handlers: {
            "task-finished": () => count++,
            flush: () => void comm.write(count),
          },
        });
        return Server.noReply;
      },
    },
  });
  await server.listen("tcp://127.0.0.1:0");
  await server.listen("inproc://");
  console.log(`${listener.addr.port} ${server.address}`);
  for await (const _ of Deno.stdin.readable);
  listener.close();
  await server.close();
}

/** Microseconds for each of `count` runs. */
async function microseconds(count: number, run: () => Promise<unknown>): Promise<number> {
  for (let i = 0; i < count / 10; i++) await run();
  const start = performance.now();
  for (let i = 0; i < count; i++) await run();
  return (performance.now() - start) / count * 1000;
}

function row(name: string, value: number, unit: string, note = ""): void {
  console.log(`${name.padEnd(34)} ${value.toFixed(1).padStart(10)} ${unit.padEnd(6)} ${note}`);
}

async function measureEchoes(port: number, address: string, rounds: number): Promise<void> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  const bytes = new Uint8Array(120);
  const buffer = new Uint8Array(64 * 1024);
  const comm = await connect(address);
  const remote = rpc(address);
  const figures: Record<string, number[]> = { raw: [], comm: [], rpc: [] };
  for (let i = 0; i < 5; i++) {
    figures.raw.push(
      await microseconds(rounds, async () => {
        await conn.write(bytes);
        await conn.read(buffer);
      }),
    );
    figures.comm.push(
      await microseconds(rounds, async () => {
        await comm.write(SMALL);
        await comm.read();
      }),
    );
    figures.rpc.push(await microseconds(rounds, () => remote.taskFinished(SMALL)));
  }
  const raw = median(figures.raw);
  row("echo of 120 bytes, raw TCP", raw, "µs");
  row(
    "echo of a message, comm",
    median(figures.comm),
    "µs",
    `raw + ${(median(figures.comm) - raw).toFixed(1)}`,
  );
  row("echo of a message, rpc", median(figures.rpc), "µs");
  conn.close();
  await comm.close();
  await remote.closeComms();
}

async function measureInproc(rounds: number): Promise<void> {
  const server = new Server({ handlers: { "task-finished": (_comm, message) => message } });
  await server.listen("inproc://");
  const remote = rpc(server.address);
  row(
    "echo of a message, rpc over inproc",
    await microseconds(rounds, () => {
      return remote.taskFinished(SMALL);
    }),
    "µs",
  );
  await remote.closeComms();
  await server.close();
}

async function measureStream(address: string, messages: number): Promise<void> {
  const comm = await connect(address);
  await comm.write({ op: "stream" });
  const stream = new BatchedSend();
  stream.start(comm);
  const start = performance.now();
  for (let i = 0; i < messages; i++) {
    stream.send(SMALL);
    // As in a server: some messages a turn of the event loop, and never too far ahead.
    if (i % 50 === 49) {
      do await new Promise<void>((resolve) => void setImmediate(resolve)); while (
        stream.pending > 5000
      );
    }
  }
  stream.send({ op: "flush" });
  await comm.read();
  const seconds = (performance.now() - start) / 1000;
  row("messages of a stream, batched", messages / seconds / 1000, "k/s");
  await stream.close();
}

async function measureTransfers(address: string, repetitions: number): Promise<void> {
  const remote = rpc(address);
  const raw: number[] = [];
  const comm: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    raw.push(...(await measureRawTcp(TRANSFER_BYTES, 3)).slice(1));
    for (let j = 0; j < 2; j++) {
      const start = performance.now();
      await remote.getBlock();
      comm.push((performance.now() - start) / 1000);
    }
  }
  const rates = [raw, comm].map((seconds) => TRANSFER_BYTES / median(seconds) / 1e6);
  row("50 MB, raw TCP, fresh buffer", rates[0], "MB/s");
  row("50 MB, rpc", rates[1], "MB/s", `${(rates[1] / rates[0] * 100).toFixed(0)} % of raw`);
  await remote.closeComms();
}

async function measure(quick: boolean): Promise<void> {
  const peer = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", import.meta.url, "--peer"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = new TextLineReader(peer.stdout);
  const [port, address] = (await output.next())!.split(" ");
  await measureEchoes(Number(port), address, quick ? 1000 : 10_000);
  await measureInproc(quick ? 10_000 : 100_000);
  await measureStream(address, quick ? 50_000 : 500_000);
  await measureTransfers(address, quick ? 3 : 10);
  await peer.stdin.close();
  await output.cancel();
  await peer.status;
}

if (import.meta.main) {
  if (Deno.args.includes("--peer")) await servePeer();
  else await measure(Deno.args.includes("--quick"));
}
