/**
 * What files of npm packages import: other packages in the very versions that this program has loaded,
 * and what their own `package.json` calls `#name`.
 *
 * @module
 */
import { createRequire, isBuiltin } from "node:module";
import { pathToFileURL } from "node:url";
import { packageFile } from "./module_names.ts";

/**
 * What a bare specifier means in a file of Deno's npm cache.
 *
 * @param specifier As the file has it.
 * @param referrer URL of the file.
 * @returns `npm:name@version/path`, `node:…` or the URL of a file. Undefined where it is no bare
 * specifier, no such file, or where this program has not loaded what it means.
 *
 * @example
 * ```ts
 * packageImport("d3-array", ".../npm/registry.npmjs.org/d3-scale/4.0.2/src/linear.js"); // "npm:d3-array@3.2.4"
 * ```
 */
export function packageImport(specifier: string, referrer: string): string | undefined {
  if (/^(?:\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(specifier)) return undefined;
  if (packageFile(referrer) === undefined || referrer.includes("/node_modules/")) return undefined;
  if (isBuiltin(specifier)) return `node:${specifier}`;
  const path = locate(specifier, referrer);
  const url = path && pathToFileURL(path).href;
  // Of a file that this program has not loaded nothing is known: what is found is the program's own.
  if (url === undefined || cacheOf(url) !== cacheOf(referrer)) return undefined;
  if (specifier.startsWith("#")) return url;
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  const found = packageFile(url)?.package;
  return found && `npm:${found}${specifier.slice(name.length)}`;
}

/** Where `require` finds it; or where it finds the package, whose exports may be for imports only. */
function locate(specifier: string, referrer: string): string | undefined {
  try {
    return createRequire(referrer).resolve(specifier);
  } catch (error) {
    const said = error instanceof Error ? error.message : "";
    return / in '?([^']*package\.json)/.exec(said)?.[1];
  }
}

/** The folder with the packages of one registry. */
function cacheOf(url: string): string {
  return url.slice(0, url.indexOf("/npm/") + "/npm/".length);
}
