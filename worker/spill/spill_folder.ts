/**
 * The folder of one worker for results on disk. Its name says whose it is, so that the folder of a worker
 * that crashed is known as such from the moment it is made, and that of a living one never is.
 *
 * @module
 */
import { hasEnded, type ProcessIdentity, thisProcess } from "./process_identity.ts";

/** The folder for results on disk cannot be made; the message says what to do. */
export class SpillFolderError extends Error {
  override name = "SpillFolderError";
}

const PREFIX = "dusk-spill";
const NAME = /^dusk-spill\.(\d+)\.(\d*)\.(\d*)\.(\w*)\.(\w*)\.([A-Za-z0-9-]*)\.[^.]+$/;

/** Folders of this process that are there. */
const made = new Set<string>();

/** Remove all folders of this process, which ends at once: nobody awaits anything any more. */
export function removeSpillFolders(): void {
  for (const path of made) removeNow(path);
}

/** A folder that only this user may look into. */
export class SpillFolder {
  /** Where it is. */
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
    made.add(path);
    // At `Deno.exit`. Added again, it is still there once.
    globalThis.addEventListener("unload", removeSpillFolders);
  }

  /**
   * Make a folder of this process's own. Folders that crashed processes have left beside it are removed.
   *
   * @param parent Where; made if it is not there. Default: the system's folder for temporary files.
   * @throws {SpillFolderError} When it cannot be made.
   */
  static async make(parent: string | undefined): Promise<SpillFolder> {
    const here = thisProcess();
    try {
      if (parent !== undefined) await Deno.mkdir(parent, { recursive: true });
      const folder = await Deno.makeTempDir({ dir: parent, prefix: `${nameOf(here)}.` });
      const path = await Deno.realPath(folder);
      // Others may not look into it even where the file system's default lets them.
      if (Deno.build.os !== "windows") await Deno.chmod(path, 0o700);
      await removeAbandoned(path.slice(0, path.lastIndexOf(PREFIX)), here);
      return new SpillFolder(path);
    } catch (error) {
      throw new SpillFolderError(
        `Cannot make a folder for results on disk in ${
          parent ?? "the system's temporary folder"
        }: ` +
          `${(error as Error).message}. Name one that can be written to (localDirectory, ` +
          `--local-directory), or do without a memory limit (memoryLimit: 0, --memory-limit 0)`,
        { cause: error },
      );
    }
  }

  /** Remove it with all that is in it. */
  async remove(): Promise<void> {
    made.delete(this.path);
    for (;;) {
      try {
        return await Deno.remove(this.path, { recursive: true });
      } catch (error) {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
        // Either it was gone already, or a file in it that was there a moment ago.
        if (!await exists(this.path)) return;
      }
    }
  }
}

/** The name of a process's folders, up to the part that makes each unique. */
function nameOf(process: ProcessIdentity): string {
  const { pid, started, namespace, boot, machine, host } = process;
  return [PREFIX, pid, started, namespace, boot, machine, host].join(".");
}

/** Remove the folders of processes that have ended. What cannot be removed is another user's. */
async function removeAbandoned(parent: string, here: ProcessIdentity): Promise<void> {
  for await (const entry of Deno.readDir(parent === "" ? "." : parent)) {
    const [, pid, started, namespace, boot, machine, host] = NAME.exec(entry.name) ?? [];
    if (pid === undefined || !entry.isDirectory) continue;
    const owner = { pid: Number(pid), started, namespace, boot, machine, host };
    if (hasEnded(owner, here)) await removeIfOurs(`${parent}${entry.name}`);
  }
}

async function removeIfOurs(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch {
    // Another user's, or another worker that starts here removes it at this moment.
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.lstat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

function removeNow(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // The next worker that starts here removes what is left.
  }
}
