/**
 * What modules are called, and what the configuration of a project says: for the bundling process. Runs as
 * text there: `readProject` must use nothing of this module.
 *
 * @module
 */

/** What the bundling process knows of its project and of packages. */
export interface Project {
  /** The URL of a path. */
  urlOf(path: string, base?: string | URL): URL;
  /** Where a file of Deno's npm cache says of which package it is: its name and version. */
  packageFile(url: string): RegExpExecArray | undefined;
  /** What to import for a specifier: the import map's word, or, in a package of the cache, npm's. */
  resolve(specifier: string): Promise<string>;
  /** The `package.json` of a package, of which a file is. */
  packageJson(url: string, match: RegExpExecArray): Promise<Record<string, unknown>>;
  /** What a package itself calls one of its files, if it has a public name; otherwise the file. */
  packageSpecifier(url: string): Promise<string>;
  /** The user's lock file: it is read through a copy, since Deno writes to the one that it is given. */
  findLock(): Promise<URL | undefined>;
}

/**
 * Look at the project that the working directory is in.
 *
 * @param referrer URL of the module whose imports are resolved.
 */
export function readProject(referrer: string): Project {
  const npmFile = /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/]+)\/(\d[^/_]*)(?:_\d+)?\//;
  const packageJsons = new Map<string, Record<string, unknown>>();
  const importConditions = ["deno", "node", "import", "module-sync", "default"];

  /** The URL of a path. */
  function urlOf(path: string, base: string | URL = "file:///"): URL {
    const slashes = Deno.build.os === "windows" ? path.replaceAll("\\", "/") : path;
    const text = encodeURI(slashes).replaceAll("?", "%3F").replaceAll("#", "%23");
    return /^[A-Za-z]:\//.test(text) ? new URL(`file:///${text}`) : new URL(text, base);
  }

  /** Where a file of Deno's npm cache says of which package it is. */
  function packageFile(url: string): RegExpExecArray | undefined {
    if (!url.startsWith("file:") || url.includes("/node_modules/")) return undefined;
    return npmFile.exec(url) ?? undefined;
  }

  /** What to import for a specifier: the import map's word, or, in a package of the cache, npm's. */
  async function resolve(specifier: string): Promise<string> {
    if (URL.canParse(specifier)) return await packageSpecifier(specifier);
    const importer = npmFile.exec(referrer);
    const isInstalled = referrer.includes("/node_modules/");
    if (importer === null && !isInstalled) return import.meta.resolve(specifier);
    const { createRequire, isBuiltin } = await import("node:module");
    if (isBuiltin(specifier)) return `node:${specifier}`;
    if (importer === null || isInstalled) {
      return urlOf(createRequire(referrer).resolve(specifier)).href;
    }
    const { dependencies = {}, peerDependencies = {} } = await packageJson(
      referrer,
      importer,
    );
    const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
    const version = (dependencies as Record<string, string>)[name] ??
      (peerDependencies as Record<string, string>)[name];
    const path = specifier.slice(name.length);
    return `npm:${name}${version === undefined ? "" : `@${version}`}${path}`;
  }

  async function packageJson(
    url: string,
    match: RegExpExecArray,
  ): Promise<Record<string, unknown>> {
    const root = url.slice(0, match.index + match[0].length);
    let json = packageJsons.get(root);
    if (json === undefined) {
      json = await readConfig(new URL("package.json", root)) ?? {};
      packageJsons.set(root, json);
    }
    return json;
  }

  /** What a package itself calls one of its files, if it has a public name; otherwise the file. */
  async function packageSpecifier(url: string): Promise<string> {
    const match = packageFile(url);
    if (match === undefined) return url;
    const main = `npm:${match[1]}@${match[2]}`;
    const { exports, main: mainFile = "index" } = await packageJson(url, match);
    const path = `./${decodeURI(url.slice(match.index + match[0].length))}`;
    if (typeof exports === "string") return exports === path ? main : url;
    if (typeof exports !== "object" || exports === null) {
      const isMain = [`./${mainFile}`, `./${mainFile}.js`, mainFile].includes(path);
      return isMain ? main : `${main}${path.slice(1)}`;
    }
    /** Where imports lead: the first condition that holds decides. */
    const targetOf = (target: unknown): unknown => {
      if (typeof target !== "object" || target === null) return target;
      for (const [on, to] of Object.entries(target)) {
        const found = importConditions.includes(on) ? targetOf(to) : undefined;
        if (found !== undefined) return found;
      }
      return undefined;
    };
    const leadsThere = (target: unknown, middle: string): boolean => {
      const found = targetOf(target);
      return typeof found === "string" && found.replaceAll("*", middle) === path;
    };
    if (leadsThere(exports, "")) return main;
    for (const [key, target] of Object.entries(exports)) {
      if (!key.startsWith(".")) break;
      if (!key.includes("*")) {
        if (leadsThere(target, "")) return main + key.slice(1);
        continue;
      }
      const [before, after] = key.split("*");
      for (let end = path.length; end > before.length; end--) {
        const middle = path.slice(before.length, end);
        if (path.startsWith(before) && leadsThere(target, middle)) {
          return main + before.slice(1) + middle + after;
        }
      }
    }
    return url;
  }

  async function readConfig(url: URL): Promise<Record<string, unknown> | undefined> {
    let text: string;
    try {
      text = await Deno.readTextFile(url);
    } catch {
      return undefined; // It isn't there, which is what was asked.
    }
    const withoutComments = text.replace(
      /("(?:\\.|[^"\\])*")|\/\/[^\n]*|\/\*[^]*?\*\//g,
      (_, string) => string ?? "",
    );
    try {
      return JSON.parse(withoutComments.replace(/,(\s*[}\]])/g, "$1"));
    } catch {
      return {}; // Deno itself says what is wrong with it.
    }
  }

  /** The user's lock file: it is read through a copy, since Deno writes to the one that it is given. */
  async function findLock(): Promise<URL | undefined> {
    let lock: URL | undefined;
    // This text is, as a module, in the working directory.
    let folder = new URL("./", import.meta.url);
    let found = false;
    while (true) {
      for (const name of ["deno.json", "deno.jsonc", "package.json"]) {
        const config = await readConfig(new URL(name, folder));
        if (config === undefined) continue;
        // The nearest one counts, unless it is a member of a workspace: then the workspace's.
        if (found && config.workspace === undefined && config.workspaces === undefined) continue;
        found = true;
        const setting = config.lock as { path?: string } | string | boolean | undefined;
        if (setting === false) lock = undefined;
        else {
          const path = typeof setting === "object" ? setting.path : setting;
          lock = urlOf(typeof path === "string" ? path : "deno.lock", folder);
        }
      }
      const outer = new URL("../", folder);
      if (outer.href === folder.href) return lock;
      folder = outer;
    }
  }

  return { urlOf, packageFile, resolve, packageJson, packageSpecifier, findLock };
}
