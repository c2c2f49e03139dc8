/**
 * The ceiling of the transfers: the same bytes over one TCP connection on loopback, from one process
 * to another, with nothing around them. The receiver reads them into a fresh buffer.
 *
 * Run as a program it is the sender: it prints its port, and sends once for each byte it gets.
 *
 * @module
 */
import { LargeBuffer } from "../protocol/large_memory.ts";
import { TextLineReader } from "./text_lines.ts";

/**
 * Measure.
 *
 * @param bytes How much to send at a time.
 * @param repetitions How often.
 * @param memory What the receiver's buffers are: what every program gets, or what Dusk uses.
 * @returns How long each took, in seconds.
 */
export async function measureRawTcp(
  bytes: number,
  repetitions: number,
  memory: "plain" | "large" = "plain",
): Promise<number[]> {
  const sender = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-net=127.0.0.1", "--quiet", import.meta.url, String(bytes)],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  const output = new TextLineReader(sender.stdout);
  const port = Number(await output.next());
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const request = new Uint8Array(1);
  const seconds: number[] = [];
  for (let i = 0; i < repetitions; i++) {
    const start = performance.now();
    await connection.write(request);
    const large = memory === "large" ? new LargeBuffer(bytes) : undefined;
    const buffer = large?.bytes ?? new Uint8Array(bytes);
    let received = 0;
    while (received < bytes) {
      const ready = large?.readyFrom(received) ?? bytes;
      const count = await connection.read(buffer.subarray(received, ready));
      if (count === null) throw new Error("the sender of the raw TCP benchmark has gone");
      received += count;
    }
    seconds.push((performance.now() - start) / 1000);
  }
  connection.close();
  await sender.status;
  await output.cancel();
  return seconds;
}

async function send(bytes: number): Promise<void> {
  const data = new Uint8Array(bytes);
  for (let i = 0; i < bytes; i++) data[i] = Math.random() * 256;
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  console.log(listener.addr.port);
  const connection = await listener.accept();
  listener.close();
  const request = new Uint8Array(1);
  while (await connection.read(request) !== null) {
    let sent = 0;
    while (sent < bytes) sent += await connection.write(data.subarray(sent));
  }
  connection.close();
}

if (import.meta.main) await send(Number(Deno.args[0]));
