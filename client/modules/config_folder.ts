/**
 * Where the configuration of a module is: its import map and lock file hold for what it imports.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageFile } from "./module_names.ts";

const configs = ["deno.json", "deno.jsonc", "package.json"];
const known = new Map<string, string>();

/**
 * The folder with the configuration of a module.
 *
 * @param url URL of the module.
 * @returns The folder, or that of the module if there is none, or it may not be looked for; undefined for
 * modules of the net and of packages, which have none of their own.
 */
export function configFolder(url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  if (packageFile(url) !== undefined && !url.includes("/node_modules/")) return undefined;
  const start = dirname(fileURLToPath(url));
  let folder = known.get(start);
  if (folder === undefined) known.set(start, folder = nearest(start));
  return folder;
}

function nearest(start: string): string {
  for (let folder = start; dirname(folder) !== folder; folder = dirname(folder)) {
    for (const name of configs) {
      try {
        if (Deno.statSync(join(folder, name)).isFile) return folder;
      } catch (error) {
        // Deno itself looks from the module's folder on.
        if (error instanceof Deno.errors.NotCapable) return start;
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
  }
  return start;
}
