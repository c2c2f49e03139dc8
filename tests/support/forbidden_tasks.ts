/** Tasks that need a permission each: refused by a worker that gives none, and run by one that does. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import type { Program } from "./popen.ts";

/** A task that needs a permission. */
interface Forbidden {
  what: string;
  /** The flags that allow it. */
  flags: string[];
  /** What Deno says without them. */
  refusal: RegExp;
  run(client: Client): Promise<unknown>;
}

function tasks(folder: string, port: number): Forbidden[] {
  const file = `${folder}/text`;
  return [
    {
      what: "read a file",
      flags: [`--allow-read=${folder}`],
      refusal: /Requires read access to ".*text".*--allow-read/,
      run: (client) => client.submit((path: string) => Deno.readTextFileSync(path), file).result(),
    },
    {
      what: "write a file",
      flags: [`--allow-write=${folder}`],
      refusal: /Requires write access to ".*text".*--allow-write/,
      run: (client) =>
        client.submit((path: string) => Deno.writeTextFileSync(path, "other"), file).result(),
    },
    {
      what: "open a socket",
      flags: ["--allow-net=127.0.0.1"],
      refusal: /Requires net access to "127\.0\.0\.1:\d+".*--allow-net/,
      run: (client) =>
        client.submit(async (port: number) => {
          const connection = await Deno.connect({ hostname: "127.0.0.1", port });
          connection.close();
        }, port).result(),
    },
    {
      what: "start a program",
      flags: ["--allow-run=/bin/true"],
      refusal: /Requires run access to ".*true".*--allow-run/,
      run: (client) =>
        client.submit(() => new Deno.Command("/bin/true").outputSync().code).result(),
    },
    {
      what: "read the environment",
      flags: ["--allow-env=HOME"],
      refusal: /Requires env access to "HOME".*--allow-env/,
      run: (client) => client.submit(() => Deno.env.get("HOME")).result(),
    },
    {
      what: "ask for the name of the machine",
      flags: ["--allow-sys=hostname"],
      refusal: /Requires sys access to "hostname".*--allow-sys/,
      run: (client) => client.submit(() => Deno.hostname()).result(),
    },
  ];
}

/**
 * Have workers run tasks that need permissions: one that gives none, one that gives each by its own flag,
 * and one that gives all but some.
 *
 * @param address The scheduler's, which has no worker.
 * @param folder A folder with a file "text".
 * @param start Starts a worker with more flags.
 */
export async function runForbidden(
  address: string,
  folder: string,
  start: (flags: string[]) => Program,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const all = tasks(folder, (listener.addr as Deno.NetAddr).port);
  const onWorker = async (flags: string[], body: (client: Client) => Promise<void>) => {
    await using worker = start(["--nthreads", "1", ...flags]);
    await worker.printed(/Registered with/);
    {
      await using client = await Client.connect(address);
      await body(client.with({ pure: false }) as Client);
    }
    worker.kill("SIGTERM");
    assert.equal((await worker.status).code, 0, worker.stderr);
  };
  await onWorker([], async (client) => {
    for (const { what, refusal, run } of all) {
      await assert.rejects(run(client), refusal, what);
    }
  });
  await onWorker(all.flatMap(({ flags }) => flags), async (client) => {
    for (const { run } of all) await run(client);
  });
  await onWorker(["-A", "--deny-run", "--deny-env"], async (client) => {
    for (const { what, refusal, run } of all) {
      if (/start|environment/.test(what)) await assert.rejects(run(client), refusal, what);
      else await run(client);
    }
  });
}
