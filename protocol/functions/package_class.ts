/**
 * Classes that an npm package, or a module of the net, exports: their text is only part of what they are,
 * so they travel as imports of the very file that has them.
 *
 * @module
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { readVariable } from "./cells.ts";
import type { AnyFunction } from "./definition.ts";
import type { ImportedValue } from "./import_values.ts";
import type { LiveScope } from "./inspector.ts";
import type { Place, Script } from "./script.ts";

/** Where Deno keeps packages: its own cache, and `node_modules`. */
const CACHED = /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/@]+)\/(\d[^/_]*)[^/]*\//;
const INSTALLED =
  /\/node_modules\/\.deno\/(?:@?[^/@]+)@(\d[^/_]*)[^/]*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//;

/** What is known of a class that is not the program's own. */
export interface PackageCode {
  /** `npm:name@version`; undefined for modules of the net, and where the path does not tell. */
  readonly package: string | undefined;
  /** The import of the module that has it; undefined: it keeps it to itself. */
  readonly own: ImportedValue | undefined;
}

/**
 * What is known of a class of a package.
 *
 * @param cls The class.
 * @param place Where its text stands.
 * @param scopes The scopes around it.
 * @returns Undefined for what is of the program itself.
 */
export function packageCode(
  cls: AnyFunction,
  place: Place | undefined,
  scopes: readonly LiveScope[],
): PackageCode | undefined {
  if (place === undefined) return undefined;
  const { url, isModule } = place.script;
  if (!/^https?:/.test(url) && !packageFileOf(url)) return undefined;
  const name = isModule ? nameInModule(cls, place.script, scopes) : nameInCommonJs(cls, url);
  const own = name === undefined ? undefined : { specifier: url, name, referrer: url };
  // What an ES module keeps to itself goes by value.
  return isModule && own === undefined ? undefined : { package: packageOf(url), own };
}

/** Whether a URL is that of a file in a package. */
export function packageFileOf(url: string): boolean {
  return packageOf(url) !== undefined || url.startsWith("file:") && url.includes("/node_modules/");
}

/**
 * The package that a file belongs to.
 *
 * @param url URL of a file.
 * @returns `npm:name@version`, or undefined.
 */
export function packageOf(url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const cached = CACHED.exec(url);
  if (cached !== null) return `npm:${cached[1]}@${cached[2]}`;
  const installed = INSTALLED.exec(url);
  return installed === null ? undefined : `npm:${installed[2]}@${installed[1]}`;
}

/** What error messages call the package, or the module of the net, that a script is of. */
export function packageName(url: string): string | undefined {
  if (/^https?:/.test(url)) return url;
  if (!packageFileOf(url)) return undefined;
  return packageOf(url) ?? `npm:${/.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)![1]}`;
}

/** What a module exports it as, for good. */
function nameInModule(
  cls: AnyFunction,
  { exports, constants }: Script,
  scopes: readonly LiveScope[],
): string | undefined {
  const module = scopes.find(({ description }) => description === "Module");
  if (module === undefined) return undefined;
  for (const [local, exported] of exports) {
    if (!constants.has(local) || !Object.hasOwn(module.object, local)) continue;
    if (readVariable(module, local, undefined) === cls) return exported;
  }
  return undefined;
}

/** The same for a CommonJS module: what it has exported in this program. */
function nameInCommonJs(cls: AnyFunction, url: string): string | undefined {
  if (!url.startsWith("file:")) return undefined;
  const exports: unknown = createRequire(url).cache[fileURLToPath(url)]?.exports;
  if (typeof exports !== "object" && typeof exports !== "function" || exports === null) {
    return undefined;
  }
  const valueOf = (name: string) => Object.getOwnPropertyDescriptor(exports, name)?.value;
  const isTranspiled = Boolean(valueOf("__esModule"));
  if ((isTranspiled ? valueOf("default") : exports) === cls) return "default";
  return Object.getOwnPropertyNames(exports).find((name) =>
    name !== "default" && valueOf(name) === cls
  );
}
