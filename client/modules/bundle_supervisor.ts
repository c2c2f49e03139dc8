/**
 * Carries out orders to bundle: writes the files for `deno bundle` to begin with, keeps the limits, and
 * leaves nothing behind. What the whole program imports is bundled at once, so that a module is there
 * once, however it is reached. What cannot be bundled is left out, unless it was asked for.
 *
 * @module
 */
import type { Bundle, BundleAnswer, BundleFile, BundleOrder } from "./bundle_order.ts";
import type { InfoJson, ProgramGraph, readGraph as GraphReader } from "./program_graph.ts";

/**
 * Carry out an order. Runs as text in a process of its own: it must use nothing of this module. Nor does it
 * import modules of Node's where it can do without: the first of them takes as long as all else here.
 *
 * @param order What to do. Bare names are resolved from the working directory's configuration.
 * @param readGraph Reads what `deno info` says.
 */
export async function superviseBundle(
  order: BundleOrder,
  readGraph: typeof GraphReader,
): Promise<BundleAnswer> {
  type Outcome = { files: Record<string, BundleFile> } | { err: string; size?: number };
  const npmFile = /\/npm\/[^/]+\/((?:@[^/]+\/)?[^/]+)\/(\d[^/_]*)(?:_\d+)?\//;
  /** How often what is to blame for a failure is left out, before all is that nobody asked for. */
  const MAX_ATTEMPTS = 4;
  /** Most modules inside of packages that are made entries. */
  const MAX_INNER = 200;
  const packageJsons = new Map<string, Record<string, unknown>>();
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

  /** The graph of the program, as far as its modules are there. */
  async function graphOf(modules: readonly string[], flags: string[]): Promise<ProgramGraph> {
    const path = `${folder}/program.js`;
    const lines = modules.map((module) => `import ${JSON.stringify(module)};\n`);
    await Deno.writeTextFile(path, lines.join(""));
    const { code, out } = await run(["info", "--json", ...flags, path]);
    signal.throwIfAborted();
    // If even that fails, so will bundling, which says why.
    return readGraph(code === 0 ? JSON.parse(out) as InfoJson : {}, order.dusk);
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

  /** Bundle modules together. */
  async function bundle(
    entries: ReadonlyMap<string, string>,
    dusk: readonly string[],
    flags: string[],
  ): Promise<Outcome> {
    const begin = `${folder}/begin`;
    await Deno.mkdir(begin);
    const files: string[] = [];
    for (const specifier of entries.values()) {
      const file = `${begin}/${nameOf(files.length)}`;
      await Deno.writeTextFile(file, `export * as module from ${JSON.stringify(specifier)};\n`);
      files.push(file);
    }
    const external = new Set(dusk);
    try {
      while (true) {
        const { code, err } = await run([
          "bundle",
          "-q",
          "--platform=deno",
          "--format=esm",
          "--sourcemap=external",
          "--code-splitting",
          ...flags,
          ...[...external].map((name) => `--external=${name}`),
          `--outdir=${begin}/out`,
          ...files,
        ]);
        signal.throwIfAborted();
        if (code === 0) return await readFiles(`${begin}/out`);
        const missing = missingOptional(err);
        if (missing === undefined || external.has(missing) || external.size > 100) return { err };
        external.add(missing);
      }
    } finally {
      await Deno.remove(begin, { recursive: true });
    }
  }

  /**
   * Bundle once more, with the modules inside of packages as entries: code that is met in one of them then
   * comes without the rest. Large packages stay in one piece, since it takes time.
   */
  async function apart(
    entries: ReadonlyMap<string, string>,
    files: Record<string, BundleFile>,
    dusk: readonly string[],
    flags: string[],
  ): Promise<{ entries: ReadonlyMap<string, string>; files: Record<string, BundleFile> }> {
    const packages = new Map<string, string[]>();
    for (const source of Object.values(files).flatMap(({ sources }) => sources)) {
      const match = packageFile(source);
      if (match === undefined || !/\.[cm]?js$/.test(source)) continue;
      const name = `${match[1]}@${match[2]}`;
      packages.set(name, [...packages.get(name) ?? [], source]);
    }
    const inner = new Map(entries);
    let left = MAX_INNER;
    const bySize = [...packages].sort(([a, one], [b, other]) =>
      one.length - other.length || (a < b ? -1 : 1)
    );
    for (const [, sources] of bySize) {
      left -= sources.length;
      if (left < 0) break;
      for (const source of sources) inner.set(source, source);
    }
    if (inner.size === entries.size) return { entries, files };
    const outcome = await bundle(inner, dusk, flags);
    return "files" in outcome ? { entries: inner, files: outcome.files } : { entries, files };
  }

  /** The file that begins with an entry. */
  function nameOf(entry: number): string {
    return `entry${entry}-.js`;
  }

  /** What the bundler wrote. */
  async function readFiles(path: string): Promise<Outcome> {
    const files: Record<string, BundleFile> = {};
    let codeSize = 0;
    let mapSize = 0;
    for await (const { name } of Deno.readDir(path)) {
      const { size } = await Deno.stat(`${path}/${name}`);
      if (name.endsWith(".map")) mapSize += size;
      else codeSize += size;
    }
    const size = Math.max(codeSize, mapSize);
    if (size > order.maxBytes) return { err: "", size };
    for await (const { name } of Deno.readDir(path)) {
      if (name.endsWith(".map")) continue;
      const file = `${path}/${name}`;
      const { sources, sourcesContent, mappings } = JSON.parse(
        await Deno.readTextFile(`${file}.map`),
      );
      files[name] = {
        code: await Deno.readTextFile(file),
        sources: sources.map((source: string) => {
          const { href } = new URL(source, urlOf(file));
          return href.startsWith(urlOf(`${folder}/`).href) ? "" : href;
        }),
        mappings,
        texts: {},
      };
      for (const [i, source] of files[name].sources.entries()) {
        const text = sourcesContent?.[i];
        if (packageFile(source) !== undefined && typeof text === "string") {
          files[name].texts[source] = text;
        }
      }
    }
    return { files };
  }

  /** What there is to know of the packages whose modules were bundled. */
  async function packagesOf(
    files: Record<string, BundleFile>,
    entries: ReadonlyMap<string, string>,
  ): Promise<Pick<Bundle, "pure" | "inner">> {
    const pure = new Set<string>();
    const inner: Record<string, string> = {};
    const isEntry = new Set([...entries.keys()].map((key) => /^npm:.[^@]*@[^/]*/.exec(key)?.[0]));
    for (const source of Object.values(files).flatMap(({ sources }) => sources)) {
      const match = packageFile(source);
      if (match === undefined) continue;
      const name = `${match[1]}@${match[2]}`;
      if ((await packageJson(source, match)).sideEffects === false) pure.add(name);
      if (isEntry.has(`npm:${name}`)) continue;
      const specifier = await packageSpecifier(source);
      if (specifier.startsWith("npm:")) inner[specifier] = source;
    }
    return { pure: [...pure], inner };
  }

  /** Bundle the program; if that fails, all of it but what is to blame; at last what was asked for. */
  async function bundleProgram(
    graph: ProgramGraph,
    wanted: ReadonlyMap<string, string>,
    flags: string[],
  ): Promise<BundleAnswer> {
    const keys = [...wanted.keys()];
    const dusk = order.duskPath === undefined ? graph.namesOfDusk() : [order.duskPath];
    let all = graph.entries([...order.roots, ...order.entries, ...wanted.values()]);
    for (const specifier of order.entries) {
      const key = graph.keyOf(specifier);
      if (!all.has(key)) all.set(key, specifier);
    }
    const needed = new Map([...graph.entries([...wanted.values()]), ...wanted]);
    for (let attempt = 0;; attempt++) {
      const isLast = attempt === MAX_ATTEMPTS;
      const chosen = isLast ? needed : new Map([...all, ...wanted]);
      const outcome = await bundle(chosen, dusk, flags);
      if ("files" in outcome) {
        const { entries, files } = await apart(chosen, outcome.files, dusk, flags);
        return {
          kind: "bundle",
          wanted: keys,
          entries: Object.fromEntries(
            [...entries].map(([key, specifier], i) => [key, { file: nameOf(i), specifier }]),
          ),
          files,
          imports: graph.imports(),
          bare: graph.bare(),
          redirects: graph.redirects,
          ...await packagesOf(files, entries),
          dusk: [...dusk],
        };
      }
      if (isLast) {
        const { err, size } = outcome;
        return size === undefined
          ? failed(err.slice(0, 4000))
          : { kind: "error", reason: "size", message: String(size) };
      }
      const left = graph.without(all, outcome.err);
      const isToBlame = graph.without(wanted, outcome.err).size < wanted.size;
      if (left.size === all.size || isToBlame) attempt = MAX_ATTEMPTS - 1;
      all = left;
    }
  }

  const deadline = AbortSignal.timeout(order.maxSeconds * 1000);
  // Control-C is for this process as well, and must not leave the folder behind.
  const interrupt = new AbortController();
  Deno.addSignalListener("SIGINT", () => interrupt.abort());
  const signal = AbortSignal.any([deadline, interrupt.signal]);
  let folder: string | undefined;
  try {
    const urls: string[] = [];
    for (const specifier of order.wanted) {
      const url = await resolve(specifier);
      if (url === order.dusk) return { kind: "builtin", name: "dusk:" };
      if (url.startsWith("node:")) return { kind: "builtin", name: url };
      urls.push(url);
    }
    folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "dusk-bundle-" }));
    const copy = `${folder}/deno.lock`;
    const lock = await findLock();
    if (lock !== undefined) {
      await Deno.copyFile(lock, copy).catch((error) => {
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      });
    }
    const packages = new Set<string>();
    for (const url of [...urls, ...order.entries]) {
      const file = packageFile(url);
      if (file !== undefined) packages.add(`npm:${file[1]}@${file[2]}`);
    }
    const isLocked = lock !== undefined || packages.size > 0;
    const flags = [...order.flags, "--frozen=false", isLocked ? `--lock=${copy}` : "--no-lock"];
    if (packages.size > 0) {
      // What such a file imports of other packages is known once the lock file has them.
      const { code, err } = await run(["cache", "-q", ...flags, ...packages]);
      signal.throwIfAborted();
      if (code !== 0) return failed(err.slice(0, 4000));
    }
    const graph = await graphOf([...order.roots, ...order.entries, ...urls], flags);
    return await bundleProgram(graph, new Map(urls.map((url) => [graph.keyOf(url), url])), flags);
  } catch (error) {
    if (deadline.aborted) return { kind: "error", reason: "time", message: "" };
    return failed(error instanceof Error ? error.message : String(error));
  } finally {
    if (folder !== undefined) await Deno.remove(folder, { recursive: true });
  }
}
