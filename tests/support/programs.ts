/** Schedulers and workers from source, for tests of their flags. */
import { popen, type Program } from "./popen.ts";

/** A scheduler that listens. */
export interface StartedScheduler extends AsyncDisposable {
  program: Program;
  address: string;
}

/**
 * Start a scheduler on loopback.
 *
 * @param flags More flags.
 * @param options How to run it.
 */
export async function startScheduler(
  flags: string[] = [],
  options?: Deno.CommandOptions,
): Promise<StartedScheduler> {
  const program = popen("scheduler", ["--host", "127.0.0.1", "--port", "0", ...flags], options);
  const [, address] = await program.printed(/Scheduler started at (\S+)/);
  return { program, address, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}

/** What a program that ends by itself leaves: its exit code, and what it has printed. */
export async function outcome(
  program: string,
  args: string[],
  options?: Deno.CommandOptions,
): Promise<{ code: number; stdout: string; stderr: string }> {
  await using started = popen(program, args, options);
  const { code } = await started.status;
  return { code, stdout: started.stdout, stderr: started.stderr };
}

/** Run `body` with a folder for its files, which is removed when it is over. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-programs-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Names of what is in a folder, in order. */
export function contents(folder: string): string[] {
  return Array.from(Deno.readDirSync(folder), ({ name }) => name).sort();
}
