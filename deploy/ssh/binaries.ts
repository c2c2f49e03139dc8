/**
 * The programs' binaries on this machine, for `--copy`: which file is the right one for a host's system.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";
import { HEADER_BYTES, targetOfBinary } from "./targets.ts";

/** There is no binary for a host, or it cannot be read or copied. */
export class CopyError extends Error {
  /** Name of the class. */
  override name = "CopyError";
}

/** A program's binary on this machine. */
export interface LocalBinary {
  /** Its path. */
  readonly path: string;
  /** SHA-256 of its bytes, as hexadecimal digits. */
  readonly sha256: string;
}

/** Finds binaries in a folder; each is read once. */
export class LocalBinaries {
  /** The folder. */
  readonly folder: string;
  readonly #found = new Map<string, Promise<LocalBinary>>();

  /**
   * @param folder Where the binaries are. Default: beside this program when it is a binary itself, else
   * `dist` of the source that it runs from.
   */
  constructor(folder: string = ownFolder()) {
    this.folder = folder;
  }

  /**
   * The binary of a program for a system: the file with the target in its name, or the plain one when it
   * was made for that target.
   *
   * @param name Name of the program, such as "dusk-worker".
   * @param target Name of the target.
   * @throws {CopyError} When there is none, with the remedy.
   */
  find(name: string, target: string): Promise<LocalBinary> {
    const wanted = `${name}-${target}`;
    let found = this.#found.get(wanted);
    if (found === undefined) this.#found.set(wanted, found = this.#find(name, target));
    return found;
  }

  async #find(name: string, target: string): Promise<LocalBinary> {
    for (const file of [`${name}-${target}`, name]) {
      const path = `${this.folder}/${file}`;
      try {
        using opened = await Deno.open(path);
        const header = new Uint8Array(HEADER_BYTES);
        const size = await opened.read(header) ?? 0;
        if (targetOfBinary(header.subarray(0, size)) === target) {
          return { path, sha256: await sha256Of(path) };
        }
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) {
          throw new CopyError(`cannot read ${path}: ${(error as Error).message}`);
        }
      }
    }
    throw new CopyError(
      `${this.folder} has no ${name} for ${target}: put ${name}-${target} there ` +
        `(deno task compile --target ${target}), or name the folder that has it with --binaries`,
    );
  }
}

/** SHA-256 of a file's bytes, as hexadecimal digits. */
export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const bytes of (await Deno.open(path)).readable) hash.update(bytes);
  return hash.digest("hex");
}

function ownFolder(): string {
  if (Deno.build.standalone) return Deno.execPath().replace(/[\\/][^\\/]*$/, "");
  const dist = new URL("../../dist", import.meta.url);
  if (dist.protocol === "file:") return fileURLToPath(dist);
  throw new CopyError(
    "a program that runs from a URL has no binaries to copy: name the folder that has them with " +
      "--binaries",
  );
}
