/**
 * Folders with files, for the length of a test.
 */
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * Make a folder.
 *
 * @param files Texts by path.
 * @param use Gets the folder's path and a function that gives the URL of a file in it.
 */
export async function withFolder(
  files: Record<string, string>,
  use: (path: string, url: (file: string) => string) => void | Promise<void>,
): Promise<void> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "dusk-test-" }));
  try {
    for (const [file, text] of Object.entries(files)) {
      await Deno.mkdir(dirname(join(path, file)), { recursive: true });
      await Deno.writeTextFile(join(path, file), text);
    }
    await use(path, (file) => pathToFileURL(join(path, file)).href);
  } finally {
    await Deno.remove(path, { recursive: true });
  }
}
