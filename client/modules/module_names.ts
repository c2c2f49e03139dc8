/**
 * What modules are called: names that are the same on every machine, and the npm packages that files
 * belong to.
 *
 * @module
 */

/** A file of an npm package. */
export interface PackageFile {
  /** `name@version`, or the name where the path does not tell the version. */
  package: string;
  /** The path in the package. */
  path: string;
}

/** In Deno's cache: …/npm/REGISTRY/NAME/VERSION/PATH, a copy of a package with `_1` after its version. */
const cached = /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/]+)\/(\d[^/_]*)(?:_\d+)?\/(.*)$/;
/** In a project's folder: …/node_modules/NAME/PATH. */
const installed = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(.*)$/;

/**
 * The npm package that a file belongs to.
 *
 * @param url URL of a module.
 * @returns The package, or undefined when the module is of none.
 */
export function packageFile(url: string): PackageFile | undefined {
  if (!url.startsWith("file:")) return undefined;
  const path = decodeURI(url);
  const inFolder = path.includes("/node_modules/") ? installed.exec(path) : null;
  if (inFolder !== null && inFolder[1] !== ".deno") {
    return { package: inFolder[1], path: inFolder[2] };
  }
  const inCache = cached.exec(path);
  if (inCache === null) return undefined;
  return { package: `${inCache[1]}@${inCache[2]}`, path: inCache[3] };
}

/**
 * What a module is called in messages and in hashed code: of a local file only the name, since its
 * folder is another one on every machine.
 *
 * @param url URL of a module.
 * @returns `npm:lodash@4.17.21/lodash.js`, `helper.ts`, or the URL itself.
 */
export function portableName(url: string): string {
  const file = packageFile(url);
  if (file !== undefined) return `npm:${file.package}/${file.path}`;
  if (!url.startsWith("file:")) return url;
  return decodeURI(url.slice(url.lastIndexOf("/") + 1));
}

/**
 * Names of the modules of a program: those of local files that have the same name tell the folders, from
 * the one on that all of these are in.
 *
 * @param urls URLs of the modules.
 * @returns A function that names a module.
 */
export function portableNames(urls: readonly string[]): (url: string) => string {
  const byName = new Map<string, string[]>();
  for (const url of urls) {
    const name = portableName(url);
    const others = byName.get(name);
    if (others === undefined) byName.set(name, [url]);
    else others.push(url);
  }
  return (url) => {
    const name = portableName(url);
    const others = byName.get(name) ?? [];
    if (others.length < 2 || !url.startsWith("file:")) return name;
    let common = url.slice(0, url.lastIndexOf("/") + 1);
    while (!others.every((other) => other.startsWith(common))) {
      common = common.slice(0, common.lastIndexOf("/", common.length - 2) + 1);
    }
    return decodeURI(url.slice(common.length));
  };
}

/** The portable name of a module that the bundler names by its path from here. */
export function nameOfModule(path: string): string {
  return portableName(path.startsWith("deno:") ? path.slice("deno:".length) : `file:///${path}`);
}
