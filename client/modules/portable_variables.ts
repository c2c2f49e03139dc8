/**
 * Names that the bundler makes of where files are, which is another place on every machine.
 *
 * @module
 */
import type { ReadFile } from "./bundle_file.ts";
import { packageFile } from "./module_names.ts";

/**
 * New names for the variables of a file that stand for an `index` file: they are called after the folder
 * that it is in, or `index`, as it lies from where the bundler ran.
 *
 * @returns New names by old ones.
 */
export function renamedVariables({ file, syntax, imported }: ReadFile): Map<string, string> {
  const folders = new Set(["index"]);
  for (const url of file.sources) {
    const folder = /^file:.*\/([^/]+)\/index\.[^/]+$/.exec(url)?.[1];
    if (folder !== undefined && packageFile(url) === undefined) {
      folders.add(identifierOf(decodeURIComponent(folder)));
    }
  }
  const renamed = new Map<string, string>();
  const index = unusedName("index$", file.code);
  for (const name of syntax.fileVariables.keys()) {
    const folder = /^(?:require_|init_)(.*?)\d*$|^(.*)_(?:exports|default)\d*$/.exec(name);
    if (folder === null || !folders.has(folder[1] ?? folder[2]) || imported.has(name)) continue;
    renamed.set(name, `${index}${renamed.size}`);
  }
  return renamed;
}

/** A name that does not occur in a text. */
export function unusedName(name: string, text: string): string {
  let unused = name;
  while (text.includes(unused)) unused += "$";
  return unused;
}

/** What the bundler makes of a folder's name. */
function identifierOf(folder: string): string {
  const words = folder.replace(/\.[^.]*$/, "").replace(/^[^A-Za-z]+/, "").match(/[A-Za-z0-9]+/g);
  return words?.join("_") ?? "_";
}
