/**
 * Carries out orders to bundle: writes the files for `deno bundle` to begin with, keeps the limits, and
 * leaves nothing behind. What is asked for is bundled with all of the program that has no other packages,
 * so that a module is there once, however it is reached. What cannot be bundled is left out, unless it was
 * asked for.
 *
 * @module
 */
import type { Bundle, BundleAnswer, BundleFile, BundleOrder } from "./bundle_order.ts";
import type { InfoJson, ProgramGraph, readGraph as GraphReader } from "./program_graph.ts";
import type { readProject as ProjectReader } from "./project.ts";

/**
 * Carry out an order. Runs as text in a process of its own: it must use nothing of this module. Nor does it
 * import modules of Node's where it can do without: the first of them takes as long as all else here.
 *
 * @param order What to do. Bare names are resolved from the working directory's configuration.
 * @param readGraph Reads what `deno info` says.
 * @param readProject Knows the project and its packages.
 */
export async function superviseBundle(
  order: BundleOrder,
  readGraph: typeof GraphReader,
  readProject: typeof ProjectReader,
): Promise<BundleAnswer> {
  type Outcome = { files: Record<string, BundleFile> } | { err: string; size?: number };
  /** How often what is to blame for a failure is left out, before all is that nobody asked for. */
  const MAX_ATTEMPTS = 4;
  /** Most modules inside of packages that are made entries. */
  const MAX_INNER = 200;
  /** Most characters of such a module. */
  const MAX_TEXT = 2 ** 19;

  const project = readProject(order.referrer);
  const { urlOf, packageFile, packageJson, packageSpecifier } = project;
  const failed = (message: string): BundleAnswer => ({ kind: "error", reason: "failed", message });

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
    const inPackage = /\/npm\/[^/]+\/|\/node_modules\//.test(match[3]);
    return inPackage ? match[1] ?? match[2] : undefined;
  }

  /** Bundle modules together. What turns out to be left to the run time is added to `external`. */
  async function bundle(
    entries: ReadonlyMap<string, string>,
    external: Set<string>,
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
   * comes without the rest. With large packages that would take as long again, so all stay in one piece.
   */
  async function apart(
    entries: ReadonlyMap<string, string>,
    files: Record<string, BundleFile>,
    external: Set<string>,
    flags: string[],
  ): Promise<{ entries: ReadonlyMap<string, string>; files: Record<string, BundleFile> }> {
    const packages = new Map<string, string[]>();
    for (
      const [source, text] of Object.values(files).flatMap(({ texts }) => Object.entries(texts))
    ) {
      const match = packageFile(source);
      if (match === undefined || !/\.[cm]?js$/.test(source) || text.length > MAX_TEXT) continue;
      const name = `${match[1]}@${match[2]}`;
      packages.set(name, [...packages.get(name) ?? [], source]);
    }
    const inner = new Map(entries);
    const count = [...packages.values()].reduce((sum, { length }) => sum + length, 0);
    if (count > MAX_INNER) return { entries, files };
    for (const [, sources] of [...packages].sort(([a], [b]) => a < b ? -1 : 1)) {
      // What a package's own source maps name may not be there.
      const isThere = (source: string) =>
        Deno.stat(new URL(source)).then(({ isFile }) => isFile, () => false);
      if (!(await Promise.all(sources.map(isThere))).every(Boolean)) continue;
      for (const source of sources) inner.set(source, source);
    }
    if (inner.size === entries.size) return { entries, files };
    const outcome = await bundle(inner, external, flags);
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

  /** Texts of modules of packages that others pass on exports of, and of which nothing is in the files. */
  async function textsOfPassing(
    files: Record<string, BundleFile>,
  ): Promise<Record<string, string>> {
    const texts = Object.values(files).flatMap(({ texts }) => Object.entries(texts));
    const seen = new Set(texts.map(([url]) => url));
    const passing: Record<string, string> = {};
    let left = MAX_INNER;
    for (const [url, text] of texts) {
      if (text.length > MAX_TEXT || !/\.m?js$/.test(url)) continue;
      for (const [, specifier] of text.matchAll(/\bfrom\s*["'](\.\.?\/[^"']+)["']/g)) {
        const other = URL.parse(specifier, url)?.href ?? "";
        if (seen.has(other) || packageFile(other) === undefined || left === 0) continue;
        seen.add(other);
        const source = await Deno.readTextFile(new URL(other)).catch(() => undefined);
        // It may be in a comment, and not be there.
        if (source === undefined) continue;
        left--;
        passing[other] = source;
        texts.push([other, source]);
      }
    }
    return passing;
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

  /** Bundle what belongs together; if that fails, all but what is to blame; at last what was asked for. */
  async function bundleProgram(
    graph: ProgramGraph,
    wanted: ReadonlyMap<string, string>,
    flags: string[],
  ): Promise<BundleAnswer> {
    const keys = [...wanted.keys()];
    const dusk = order.duskPath === undefined ? graph.namesOfDusk() : [order.duskPath];
    const external = new Set(dusk);
    const program = graph.entries([...order.roots, ...order.entries, ...wanted.values()]);
    for (const specifier of order.entries) {
      const key = graph.keyOf(specifier);
      if (!program.has(key)) program.set(key, specifier);
    }
    const needed = new Map([...graph.entries([...wanted.values()]), ...wanted]);
    let all = graph.together(program, needed);
    for (let attempt = 0;; attempt++) {
      const isLast = attempt === MAX_ATTEMPTS;
      const chosen = isLast ? needed : new Map([...all, ...wanted]);
      const outcome = await bundle(chosen, external, flags);
      if ("files" in outcome) {
        const { entries, files } = await apart(chosen, outcome.files, external, flags);
        return {
          kind: "bundle",
          wanted: keys,
          entries: Object.fromEntries(
            [...entries].map(([key, specifier], i) => [key, { file: nameOf(i), specifier }]),
          ),
          files,
          modules: [...new Set([...program.keys(), ...keys])],
          imports: graph.imports(),
          bare: graph.bare(),
          redirects: graph.redirects,
          ...await packagesOf(files, entries),
          passing: await textsOfPassing(files),
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
      const url = await project.resolve(specifier);
      if (url === order.dusk) return { kind: "builtin", name: "dusk:" };
      if (url.startsWith("node:")) return { kind: "builtin", name: url };
      urls.push(url);
    }
    folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "dusk-bundle-" }));
    const copy = `${folder}/deno.lock`;
    const lock = await project.findLock();
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
    const wanted = new Map(urls.map((url) => [graph.keyOf(url), url]));
    const known = order.known.find((key) => wanted.has(key));
    if (known !== undefined) return { kind: "known", key: known };
    return await bundleProgram(graph, wanted, flags);
  } catch (error) {
    if (deadline.aborted) return { kind: "error", reason: "time", message: "" };
    return failed(error instanceof Error ? error.message : String(error));
  } finally {
    if (folder !== undefined) await Deno.remove(folder, { recursive: true });
  }
}
