/**
 * Compiles the programs for every system that `deno compile` knows: `deno task release [FOLDER]`. The
 * binaries are named by their system, such as `dusk-worker-x86_64-unknown-linux-gnu`, and stand in
 * `dist/release` with `SHA256SUMS`, for `sha256sum --check`. A system whose runtime cannot be had is
 * told and left out; the exit code is 1 then.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { sha256Of } from "../deploy/ssh/binaries.ts";
import { compile, NoRuntimeStubError, targets } from "./compile.ts";

/**
 * Compile for all systems.
 *
 * @param folder Where the binaries go.
 * @param deno The `deno` that compiles.
 * @returns The systems that were left out, since Deno's runtime for them could not be had.
 */
export async function release(folder: string, deno: string): Promise<string[]> {
  const sums: string[] = [];
  const missing: string[] = [];
  for (const target of await targets(deno)) {
    try {
      const nameOf = ({ name }: { name: string }) => `${name}-${target}`;
      for (const path of await compile(folder, deno, { target, nameOf })) {
        sums.push(`${await sha256Of(path)}  ${path.slice(folder.length + 1)}\n`);
      }
    } catch (error) {
      if (!(error instanceof NoRuntimeStubError)) throw error;
      console.error(`nothing for ${target}: Deno's runtime for it could not be had`);
      missing.push(target);
    }
  }
  if (sums.length > 0) await Deno.writeTextFile(`${folder}/SHA256SUMS`, sums.sort().join(""));
  return missing;
}

if (import.meta.main) {
  if (Deno.args.length > 1 || Deno.args[0]?.startsWith("-")) {
    console.error(
      "usage: deno task release [FOLDER], where the binaries go; by default dist/release",
    );
    Deno.exit(2);
  }
  const folder = Deno.args[0] ?? fileURLToPath(new URL("../dist/release", import.meta.url));
  // A stub that is given is of one system only.
  const deno = Deno.env.get("COMPILE_DENO") ?? Deno.execPath();
  try {
    const missing = await release(folder.replace(/\/$/, ""), deno);
    Deno.exit(missing.length > 0 ? 1 : 0);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}
