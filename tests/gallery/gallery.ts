/**
 * The gallery: functions of every shape that people write. Each is submitted to worker processes
 * whose tasks have no permission at all, and called here; both must come to the same.
 */
import assert from "node:assert/strict";
import { Client } from "../../mod.ts";
import { Program } from "../support/popen.ts";
import { withSandbox } from "../support/sandbox.ts";

// deno-lint-ignore no-explicit-any
type AnyFunction = (...args: any[]) => unknown;

/** A function without arguments, or a function and its arguments. */
export type Exhibit = AnyFunction | readonly [fn: AnyFunction, ...args: unknown[]];

/** How a call ended. */
type Outcome = { value: unknown } | { thrown: unknown };

/** Run `body` with a client of the compiled programs, out of reach of any source and of the network. */
async function withCompiledPrograms(
  folder: string,
  body: (client: Client) => Promise<void>,
): Promise<void> {
  const start = (name: string, args: string[]) =>
    new Program(`${folder}/${name}`, args, {
      cwd: "/",
      clearEnv: true,
      env: { HOME: "/nonexistent", PATH: "" },
    });
  await using scheduler = start("dusk-scheduler", ["--host", "127.0.0.1", "--port", "0"]);
  const [, address] = await scheduler.printed(/Scheduler started at (\S+)/);
  await using worker = start("dusk-worker", [address, "--nthreads", "2"]);
  await worker.printed(/Registered with/);
  await using client = await Client.connect(address);
  await body(client);
}

/**
 * Test that each of these functions gives on a worker what it gives here.
 *
 * @param what What the functions have in common, for the test's name.
 * @param exhibits Functions, by what is special about them.
 * @param options `newest`: they need more than the Deno that the programs may be compiled with.
 */
export function gallery(
  what: string,
  exhibits: Record<string, Exhibit>,
  { newest = false }: { newest?: boolean } = {},
): void {
  const run = (t: Deno.TestContext) => async (client: Client) => {
    for (const [name, exhibit] of Object.entries(exhibits)) {
      await t.step(name, () => compare(client, exhibit));
    }
  };
  Deno.test(`${what}: the same on a worker process without permissions`, async (t) => {
    await withSandbox(run(t));
  });
  const folder = Deno.env.get("DUSK_BIN_DIR");
  Deno.test({
    name: `${what}: the same on a compiled worker`,
    ignore: folder === undefined || newest,
    fn: (t) => withCompiledPrograms(folder!, run(t)),
  });
}

/** Submit a function, call it here as well, and compare what comes of it. */
async function compare(client: Client, exhibit: Exhibit): Promise<void> {
  const [fn, ...args] = typeof exhibit === "function" ? [exhibit] : exhibit;
  const submit = client.submit.bind(client) as (fn: AnyFunction, ...args: unknown[]) => {
    result(): Promise<unknown>;
  };
  // What a function captures is captured here: the call below may change it.
  const future = submit(fn, ...args);
  const there = await outcome(() => future.result());
  const here = await outcome(() => fn(...args));
  assertSame(there, here);
}

async function outcome(call: () => unknown): Promise<Outcome> {
  try {
    return { value: await call() };
  } catch (thrown) {
    return { thrown };
  }
}

/** Compare with a readable error: one that was thrown on one side only is the news. */
function assertSame(there: Outcome, here: Outcome): void {
  if ("thrown" in there && !("thrown" in here)) throw there.thrown;
  if ("thrown" in here && !("thrown" in there)) throw here.thrown;
  assert.deepStrictEqual(comparable(there), comparable(here));
}

/** Objects whose content `deepStrictEqual` does not look at, by what they say of themselves. */
function comparable(value: unknown): unknown {
  if (value instanceof Headers || value instanceof URLSearchParams) return [...value];
  if (value instanceof Blob) return [value.constructor.name, value.type, value.size];
  if (Object.prototype.toString.call(value).startsWith("[object Temporal.")) return String(value);
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value === "object" && value !== null && "value" in value) {
    return { ...value, value: comparable(value.value) };
  }
  return value;
}
