/**
 * What the bundling process is asked, what it answers, and what it does. `superviseBundle` runs in a
 * process of its own (`deno eval`), so that bundling needs no permission of the client's but the one to
 * run `deno`: it writes the entry file, keeps the limits, and leaves nothing behind.
 *
 * @module
 */

/** What to bundle, and with what in mind. */
export interface BundleOrder {
  /** What the importing module says: a URL, `npm:…`, `jsr:…` or a bare name. Never relative. */
  specifier: string;
  /** URL of the importing module. */
  referrer: string;
  /** URL of Dusk's own `mod.ts`, which stays outside of the bundle. */
  dusk: string;
  /** Its path, when it is a file. */
  duskPath?: string;
  /** Flags for `deno bundle` that follow from the permissions of this process. */
  flags: string[];
  /** Most bytes of the bundle and of its source map each. */
  maxBytes: number;
  /** Most seconds that bundling may take. */
  maxSeconds: number;
}

/** A bundle: JavaScript with the module's namespace as its export `module`. */
export interface Bundle {
  kind: "bundle";
  /** The module's full specifier. */
  url: string;
  code: string;
  /** Absolute URLs. */
  sources: string[];
  /** Source map v3 mappings of `code`. */
  mappings: string;
  /** How modules of the bundle name Dusk's `mod.ts`. */
  dusk: string[];
}

/** What comes of an order. */
export type BundleAnswer =
  | Bundle
  /** It is a module of Deno's own, or (`dusk:`) Dusk itself. */
  | { kind: "builtin"; name: string }
  | { kind: "error"; reason: "failed" | "size" | "time"; message: string };

/** The program of a process that carries out an order, and prints the answer as JSON. */
export function bundleProgram(order: BundleOrder): string {
  return `const answer = JSON.stringify(await (${superviseBundle})(${JSON.stringify(order)}));` +
    "const bytes = new TextEncoder().encode(answer);" +
    "for (let n = 0; n < bytes.length;) n += await Deno.stdout.write(bytes.subarray(n));" +
    "Deno.exit();";
}

/**
 * Carry out an order. Runs as text in a process of its own: it must use nothing of this module. Nor does it
 * import modules of Node's where it can do without: the first of them takes as long as all else here.
 *
 * @param order What to do. Bare names are resolved from the working directory's configuration.
 */
async function superviseBundle(order: BundleOrder): Promise<BundleAnswer> {
  const npmFile = /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/]+)\/(\d[^/_]*)(?:_\d+)?\//;
  const importConditions = ["deno", "node", "import", "module-sync", "default"];

  const failed = (message: string): BundleAnswer => ({ kind: "error", reason: "failed", message });

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
    const importer = npmFile.exec(order.referrer);
    const isInstalled = order.referrer.includes("/node_modules/");
    if (importer === null && !isInstalled) return import.meta.resolve(specifier);
    const { createRequire, isBuiltin } = await import("node:module");
    if (isBuiltin(specifier)) return `node:${specifier}`;
    if (importer === null || isInstalled) {
      return urlOf(createRequire(order.referrer).resolve(specifier)).href;
    }
    const { dependencies = {}, peerDependencies = {} } = await packageJson(
      order.referrer,
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
    const root = new URL(url.slice(0, match.index + match[0].length));
    return await readConfig(new URL("package.json", root)) ?? {};
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

  async function run(args: string[]): Promise<{ code: number; out: string; err: string }> {
    const command = new Deno.Command(Deno.execPath(), {
      args,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      signal,
    });
    const { code, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  }

  /** How the modules of the graph name Dusk: Deno matches those of the net by what is written only. */
  async function namesOfDusk(entry: string, flags: string[]): Promise<string[]> {
    const { code, out } = await run(["info", "--json", ...flags, entry]);
    if (code !== 0) return [];
    type Dependency = { specifier: string; code?: { specifier?: string } };
    const graph = JSON.parse(out) as {
      redirects?: Record<string, string>;
      modules?: { specifier: string; dependencies?: Dependency[] }[];
    };
    const names = new Set<string>();
    for (const module of graph.modules ?? []) {
      if (isOfDusk(module.specifier)) continue;
      for (const { specifier, code } of module.dependencies ?? []) {
        let target = code?.specifier ?? "";
        for (let i = 0; i < 10 && graph.redirects?.[target] !== undefined; i++) {
          target = graph.redirects[target];
        }
        if (target === order.dusk) names.add(specifier);
      }
    }
    return [...names];
  }

  /**
   * A package's optional dependency that isn't installed: requiring it fails at run time, as it does
   * everywhere, and the package deals with that.
   */
  function missingOptional(err: string): string | undefined {
    const match = /(?:Path: (\S+)|Import "([^"]+)" not a dependency)\s+at (\S+)/.exec(err);
    if (match === null) return undefined;
    const inPackage = npmFile.test(match[3]) || match[3].includes("/node_modules/");
    return inPackage ? match[1] ?? match[2] : undefined;
  }

  /** What the bundler wrote. */
  async function readOutput(path: string, url: string, dusk: string[]): Promise<BundleAnswer> {
    for (const file of [path, `${path}.map`]) {
      const { size } = await Deno.stat(file);
      if (size > order.maxBytes) return { kind: "error", reason: "size", message: String(size) };
    }
    const { sources, mappings } = JSON.parse(await Deno.readTextFile(`${path}.map`));
    return {
      kind: "bundle",
      url,
      code: await Deno.readTextFile(path),
      sources: sources.map((source: string) => new URL(source, urlOf(path)).href),
      mappings,
      dusk,
    };
  }

  const duskFolder = new URL("./", order.dusk).href;
  const isOfDusk = (url: string) => url.startsWith(duskFolder);
  const deadline = AbortSignal.timeout(order.maxSeconds * 1000);
  // Control-C is for this process as well, and must not leave the folder behind.
  const interrupt = new AbortController();
  Deno.addSignalListener("SIGINT", () => interrupt.abort());
  const signal = AbortSignal.any([deadline, interrupt.signal]);
  let folder: string | undefined;
  try {
    const url = await resolve(order.specifier);
    if (url === order.dusk) return { kind: "builtin", name: "dusk:" };
    if (url.startsWith("node:")) return { kind: "builtin", name: url };
    folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "dusk-bundle-" }));
    const copy = `${folder}/deno.lock`;
    const lock = await findLock();
    if (lock !== undefined) {
      await Deno.copyFile(lock, copy).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
    const file = packageFile(url);
    const isLocked = lock !== undefined || file !== undefined;
    const flags = [...order.flags, "--frozen=false", isLocked ? `--lock=${copy}` : "--no-lock"];
    if (file !== undefined) {
      // What such a file imports of other packages is known once the lock file has them.
      const { code, err } = await run(["cache", "-q", ...flags, `npm:${file[1]}@${file[2]}`]);
      signal.throwIfAborted();
      if (code !== 0) return failed(err.slice(0, 4000));
    }
    const entry = `${folder}/entry.js`;
    await Deno.writeTextFile(entry, `export * as module from ${JSON.stringify(url)};\n`);
    let dusk = order.duskPath === undefined ? undefined : [order.duskPath];
    const external = new Set(dusk);
    const output = `${folder}/bundle.js`;
    while (true) {
      const { code, err } = await run([
        "bundle",
        "-q",
        "--platform=deno",
        "--format=esm",
        "--sourcemap=external",
        ...flags,
        ...[...external].map((name) => `--external=${name}`),
        `--output=${output}`,
        entry,
      ]);
      signal.throwIfAborted();
      const answer = code === 0 ? await readOutput(output, url, dusk ?? []) : undefined;
      // It takes time to find out how modules of the net name Dusk, and most have no use for it.
      if (dusk === undefined && (answer?.kind !== "bundle" || answer.sources.some(isOfDusk))) {
        dusk = await namesOfDusk(entry, flags);
        for (const name of dusk) external.add(name);
        if (dusk.length > 0) continue;
      }
      if (answer !== undefined) return answer;
      const missing = missingOptional(err);
      if (missing === undefined || external.has(missing) || external.size > 100) {
        return failed(err.slice(0, 4000));
      }
      external.add(missing);
    }
  } catch (error) {
    if (deadline.aborted) return { kind: "error", reason: "time", message: "" };
    return failed(error instanceof Error ? error.message : String(error));
  } finally {
    if (folder !== undefined) await Deno.remove(folder, { recursive: true });
  }
}
