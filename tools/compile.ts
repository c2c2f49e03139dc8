/**
 * Compiles the programs into self-contained binaries: `deno task compile [OUTPUT-FOLDER]`.
 *
 * Each program of `cli/` that is listed here becomes `dist/dusk-…`. Deno fetches its runtime stub
 * (denort) for that from its download host; where that host is not reached, DENORT_BIN names a stub
 * that is already there, and COMPILE_DENO the `deno` of the same version to compile with.
 *
 * @module
 */

/** The binaries: their entry, and the modules that they load by URL at run time. */
const programs = [
  { name: "dusk-scheduler", entry: "cli/scheduler.ts", include: [] },
  { name: "dusk-worker", entry: "cli/worker.ts", include: ["worker/threads/thread.ts"] },
];

const root = new URL("../", import.meta.url).pathname;

/** Deno's runtime stub, which a compiled program begins with, could not be had. */
export class NoRuntimeStubError extends Error {
  override name = "NoRuntimeStubError";
}

/**
 * Compile all programs.
 *
 * @param folder Where the binaries go; made when it is not there.
 * @param deno The `deno` that compiles.
 * @throws {NoRuntimeStubError} When Deno's runtime stub cannot be had, with a remedy.
 * @throws {Error} When a program does not compile, with the compiler's words.
 */
export async function compile(folder: string, deno: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  for (const { name, entry, include } of programs) {
    const args = ["compile", "--quiet", "--no-check", "--allow-all", "--unstable-worker-options"];
    for (const module of include) args.push("--include", module);
    args.push("--output", `${folder}/${name}`, entry);
    const output = await new Deno.Command(deno, { args, cwd: root, stdin: "null" }).output();
    if (!output.success) {
      const words = new TextDecoder().decode(output.stderr).trim();
      const what = `${name} does not compile with ${deno}:\n${words}`;
      if (/denort|base binary/i.test(words)) throw new NoRuntimeStubError(`${what}\n\n${REMEDY}`);
      throw new Error(what);
    }
    console.log(`compiled ${folder}/${name}`);
  }
}

const REMEDY = `Deno could not get its runtime stub (denort) from its download host. Either compile
where that host is reached, or set DENORT_BIN to a denort that is there and COMPILE_DENO to the deno
that it belongs to, and run: "$COMPILE_DENO" task compile`;

if (import.meta.main) {
  try {
    await compile(Deno.args[0] ?? `${root}dist`, Deno.env.get("COMPILE_DENO") ?? Deno.execPath());
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
