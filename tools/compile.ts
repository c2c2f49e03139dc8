/**
 * Compiles the programs into self-contained binaries: `deno task compile [OUTPUT-FOLDER]`.
 *
 * Each program of `cli/` that is listed here becomes `dist/dusk-…`. Deno fetches its runtime stub
 * (denort) for that from its download host; where that host is not reached, DENORT_BIN names a stub
 * that is already there, and COMPILE_DENO the `deno` of the same version to compile with.
 *
 * @module
 */

interface BinaryProgram {
  name: string;
  entry: string;
  /** Modules that it loads by URL at run time, which the compiler cannot see. */
  loaded: string[];
}

const programs: BinaryProgram[] = [
  { name: "dusk-scheduler", entry: "cli/scheduler.ts", loaded: [] },
  { name: "dusk-worker", entry: "cli/worker.ts", loaded: ["deploy/thread.ts"] },
];

const root = new URL("../", import.meta.url).pathname;

/** Deno's runtime stub, which a compiled program begins with, could not be had. */
export class NoRuntimeStubError extends Error {
  override name = "NoRuntimeStubError";
}

const REMEDY = `Deno could not get its runtime stub (denort) from its download host. Either compile
where that host is reached, or set DENORT_BIN to a denort that is there and COMPILE_DENO to the deno
that it belongs to, and run: "$COMPILE_DENO" task compile`;

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
  const lock = await Deno.makeTempFile({ prefix: "dusk-compile-", suffix: ".lock" });
  try {
    for (const program of programs) {
      await Deno.writeTextFile(lock, await lockFor(program, deno));
      await compileProgram(program, `${folder}/${program.name}`, lock, deno);
      console.log(`compiled ${folder}/${program.name}`);
    }
  } finally {
    await Deno.remove(lock);
  }
}

async function compileProgram(
  { name, entry, loaded }: BinaryProgram,
  output: string,
  lock: string,
  deno: string,
): Promise<void> {
  const flags = ["--quiet", "--no-check", "--allow-all", "--unstable-worker-options"];
  const include = loaded.flatMap((module) => ["--include", module]);
  const { success, stderr } = await run(deno, [
    "compile",
    ...flags,
    ...include,
    `--lock=${lock}`,
    "--output",
    output,
    entry,
  ]);
  if (success) return;
  const what = `${name} does not compile with ${deno}:\n${stderr}`;
  if (/denort|base binary/i.test(stderr)) throw new NoRuntimeStubError(`${what}\n\n${REMEDY}`);
  throw new Error(what);
}

/**
 * The lock file, with only the packages that a program imports: the compiler takes all that are
 * locked along into the binary, those for tests and demos too.
 */
async function lockFor({ name, entry, loaded }: BinaryProgram, deno: string): Promise<string> {
  const lock = JSON.parse(await Deno.readTextFile(`${root}deno.lock`));
  const imported = new Set<string>();
  for (const module of [entry, ...loaded]) {
    const { success, stdout, stderr } = await run(deno, ["info", "--json", module]);
    if (!success) throw new Error(`cannot see what ${name} imports:\n${stderr}`);
    for (const { specifier } of JSON.parse(stdout).modules) {
      if (specifier.startsWith("npm:")) imported.add(specifier.replace(/^npm:\/?/, "npm:"));
    }
  }
  lock.specifiers = Object.fromEntries(
    Object.entries(lock.specifiers).filter(([specifier]) => imported.has(specifier)),
  );
  return JSON.stringify(lock);
}

async function run(
  deno: string,
  args: string[],
): Promise<{ success: boolean; stdout: string; stderr: string }> {
  const command = new Deno.Command(deno, {
    args,
    cwd: root,
    stdin: "null",
    env: { NO_COLOR: "1" },
  });
  const { success, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr).trim() };
}

if (import.meta.main) {
  const [folder, ...rest] = Deno.args;
  if (rest.length > 0 || folder?.startsWith("-")) {
    console.error("usage: deno task compile [FOLDER], where the programs go; by default dist");
    Deno.exit(2);
  }
  try {
    await compile(folder ?? `${root}dist`, Deno.env.get("COMPILE_DENO") ?? Deno.execPath());
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
