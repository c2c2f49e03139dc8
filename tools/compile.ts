/**
 * Compiles the programs into self-contained binaries: `deno task compile [FOLDER] [--target TARGET]`.
 *
 * Each program becomes `dist/dusk-…`, for this system or another that `deno compile` knows. Deno
 * fetches its runtime stub (denort) for that from its download host; where that host is not reached,
 * DENORT_BIN names a stub that is already there, and COMPILE_DENO the `deno` of the same version to
 * compile with. `release.ts` compiles for all systems.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** A program to compile. */
export interface BinaryProgram {
  /** Name of the binary. */
  name: string;
  /** Its main module. */
  entry: string;
  /** Modules that it loads by URL at run time, which the compiler cannot see. */
  loaded: string[];
}

/** The programs. */
export const programs: readonly BinaryProgram[] = [
  { name: "dusk-scheduler", entry: "cli/scheduler.ts", loaded: [] },
  { name: "dusk-worker", entry: "cli/worker.ts", loaded: ["deploy/thread.ts"] },
  { name: "dusk-ssh", entry: "cli/ssh.ts", loaded: [] },
  {
    name: "dusk-remote",
    entry: "cli/remote.ts",
    loaded: [
      "mod.ts",
      "deploy/thread.ts",
      "deploy/remote/script_sandbox.ts",
      "deploy/remote/script_thread.ts",
    ],
  },
  { name: "dusk-submit", entry: "cli/submit.ts", loaded: [] },
];

const root = new URL("../", import.meta.url);

/** Deno's runtime stub, which a compiled program begins with, could not be had. */
export class NoRuntimeStubError extends Error {
  override name = "NoRuntimeStubError";
}

/** `deno compile` knows no such target. */
export class UnknownTargetError extends Error {
  override name = "UnknownTargetError";
}

const REMEDY = `Deno could not get its runtime stub (denort) from its download host. Either compile
where that host is reached, or set DENORT_BIN to a denort that is there and COMPILE_DENO to the deno
that it belongs to, and run: "$COMPILE_DENO" task compile`;

/** Which binaries to make. */
export interface CompileOptions {
  /** System they are for, such as "aarch64-apple-darwin". Default: this one. */
  target?: string;
  /** Name of a program's binary, without what the system wants behind it. Default: its own. */
  nameOf?: (program: BinaryProgram) => string;
}

/**
 * Compile all programs.
 *
 * @param folder Where the binaries go; made when it is not there.
 * @param deno The `deno` that compiles.
 * @param options See {@linkcode CompileOptions}.
 * @returns Paths of the binaries.
 * @throws {NoRuntimeStubError} When Deno's runtime stub cannot be had, with a remedy.
 * @throws {UnknownTargetError} When `deno` cannot compile for the target.
 * @throws {Error} When a program does not compile, with the compiler's words.
 */
export async function compile(
  folder: string,
  deno: string,
  { target, nameOf = ({ name }) => name }: CompileOptions = {},
): Promise<string[]> {
  if (target !== undefined) {
    const known = await targets(deno);
    if (!known.includes(target)) {
      throw new UnknownTargetError(
        `${deno} cannot compile for ${target}; it can for ${known.join(", ")}`,
      );
    }
    if (Deno.env.has("DENORT_BIN") && target !== Deno.build.target) {
      throw new NoRuntimeStubError(
        `DENORT_BIN names a runtime of this system, not of ${target}: unset it where Deno's download ` +
          "host is reached",
      );
    }
  }
  await Deno.mkdir(folder, { recursive: true });
  const suffix = (target ?? Deno.build.target).includes("windows") ? ".exe" : "";
  const lock = await Deno.makeTempFile({ prefix: "dusk-compile-", suffix: ".lock" });
  try {
    const outputs: string[] = [];
    for (const program of programs) {
      const output = `${folder}/${nameOf(program)}${suffix}`;
      await Deno.writeTextFile(lock, await lockFor(program, deno));
      await compileProgram(program, output, lock, deno, target);
      console.log(`compiled ${output}`);
      outputs.push(output);
    }
    return outputs;
  } finally {
    await Deno.remove(lock);
  }
}

/**
 * The systems that a `deno` can compile for, as it lists them when it is asked for another.
 *
 * @param deno The `deno`.
 * @throws {Error} When it does not tell.
 */
export async function targets(deno: string): Promise<string[]> {
  const { stderr } = await run(deno, ["compile", "--target", "none", "none.ts"]);
  const list = stderr.match(/possible values: ([\w-]+(?:, [\w-]+)*)/)?.[1];
  if (list === undefined) throw new Error(`${deno} does not tell its targets:\n${stderr}`);
  return list.split(", ");
}

async function compileProgram(
  { name, entry, loaded }: BinaryProgram,
  output: string,
  lock: string,
  deno: string,
  target: string | undefined,
): Promise<void> {
  const flags = [
    "--quiet",
    "--no-check",
    "--allow-all",
    // A task without a permission fails; nobody is asked.
    "--no-prompt",
    "--unstable-worker-options",
    // Workers that are short of memory tell the engine when to free some, see worker/garbage.ts.
    "--v8-flags=--expose-gc",
    ...target === undefined ? [] : ["--target", target],
  ];
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
  if (/denort|base binary|dl\.deno\.land/i.test(stderr)) {
    throw new NoRuntimeStubError(`${what}\n\n${REMEDY}`);
  }
  throw new Error(what);
}

/**
 * The lock file, with only the packages that a program imports: the compiler takes all that are
 * locked along into the binary, those for tests and demos too.
 */
async function lockFor({ name, entry, loaded }: BinaryProgram, deno: string): Promise<string> {
  const lock = JSON.parse(await Deno.readTextFile(new URL("deno.lock", root)));
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

/** Folder and target of the command line; undefined: it makes no sense. */
function parseArguments(args: readonly string[]): { folder?: string; target?: string } | undefined {
  const parsed: { folder?: string; target?: string } = {};
  for (let i = 0; i < args.length; i++) {
    const [flag, value] = args[i].split("=", 2);
    if (flag === "--target" && parsed.target === undefined) {
      parsed.target = value ?? args[++i] ?? "";
    } else if (!flag.startsWith("-") && parsed.folder === undefined) parsed.folder = args[i];
    else return undefined;
  }
  return parsed;
}

if (import.meta.main) {
  const parsed = parseArguments(Deno.args);
  if (parsed === undefined) {
    console.error(
      "usage: deno task compile [FOLDER] [--target TARGET], by default into dist for this system",
    );
    Deno.exit(2);
  }
  const { folder = fileURLToPath(new URL("dist", root)), target } = parsed;
  try {
    await compile(folder, Deno.env.get("COMPILE_DENO") ?? Deno.execPath(), { target });
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
