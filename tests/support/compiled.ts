/**
 * The compiled programs for tests. They are compiled here, unless DUSK_BIN_DIR says where they are, or
 * taken from dist/ where Deno's runtime stub cannot be had. If they are not there either the tests are
 * left out, but never in CI.
 */
import { compile, NoRuntimeStubError } from "../../tools/compile.ts";
import { Program } from "./popen.ts";

/** Folder of the programs; undefined where they cannot be had. */
export const compiledFolder = Deno.env.get("DUSK_BIN_DIR") ?? await compileHere();

/** Compile into a temporary folder; undefined where that cannot be done. */
async function compileHere(): Promise<string | undefined> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-bin-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  try {
    await compile(folder, Deno.env.get("COMPILE_DENO") ?? Deno.execPath());
    return folder;
  } catch (error) {
    if (!(error instanceof NoRuntimeStubError)) throw error;
    const dist = new URL("../../dist/", import.meta.url).pathname;
    if (await exists(`${dist}dusk-worker`)) return dist;
    if (Deno.env.has("CI")) throw error;
    console.warn(`The compiled programs are not tested. ${error.message}`);
    return undefined;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/**
 * Start a compiled program, with nothing of Deno's in reach.
 *
 * @param name Such as "dusk-worker".
 * @param args Its arguments.
 * @param env More environment variables.
 */
export function startCompiled(
  name: string,
  args: string[],
  env: Record<string, string> = {},
): Program {
  return new Program(`${compiledFolder}/${name}`, args, {
    cwd: "/",
    clearEnv: true,
    env: { HOME: "/nonexistent", PATH: "", ...env },
  });
}

/** A test of the compiled programs. */
export function compiledTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: compiledFolder === undefined, fn });
}
