/**
 * Classes of packages: their text is only part of what they are, so they travel as imports of the
 * package.
 *
 * @module
 */
import type { ImportedValue } from "./import_values.ts";
import type { Place } from "./script.ts";

/** Where Deno keeps packages: its own cache, and `node_modules`. */
const CACHED = /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/@]+)\/(\d[^/]*)\//;
const INSTALLED =
  /\/node_modules\/\.deno\/(?:@?[^/@]+)@(\d[^/_]*)[^/]*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/**
 * The import that gives a class of a package.
 *
 * @param name The class's name.
 * @param place Where its text stands.
 * @returns Undefined for classes of the program itself, and those that their module keeps to itself.
 */
export function packageImport(name: string, place: Place | undefined): ImportedValue | undefined {
  if (place === undefined || name === "") return undefined;
  const { url, isModule } = place.script;
  const isRemote = /^https?:/.test(url);
  const npm = packageOf(url);
  if (!isRemote && npm === undefined) return undefined;
  if (isModule) {
    const exported = place.script.exports.get(name);
    if (exported === undefined) return undefined;
    if (isRemote) return { specifier: url, name: exported, referrer: url };
  }
  return npm === undefined ? undefined : { specifier: npm, name, referrer: Deno.mainModule };
}

/** Whether a URL is that of a file in a package. */
export function packageFileOf(url: string): boolean {
  return packageOf(url) !== undefined || url.includes("/node_modules/");
}

function packageOf(url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const cached = CACHED.exec(url);
  if (cached !== null) return `npm:${cached[1]}@${cached[2]}`;
  const installed = INSTALLED.exec(url);
  return installed === null ? undefined : `npm:${installed[2]}@${installed[1]}`;
}
