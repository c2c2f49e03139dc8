/**
 * The modules of a program, and what imports what, by the word of `deno info`. Runs as text in the
 * bundling process: `readGraph` must use nothing of this module.
 *
 * @module
 */

/** What is used of the JSON that `deno info` prints. */
export interface InfoJson {
  redirects?: Record<string, string>;
  modules?: InfoModule[];
  npmPackages?: Record<string, { name: string; version: string; dependencies?: string[] }>;
}

interface InfoModule {
  specifier: string;
  error?: string;
  kind?: string;
  mediaType?: string;
  dependencies?: {
    specifier: string;
    /** Not there when only types are imported; without a specifier when that leads nowhere. */
    code?: { specifier?: string };
    isDynamic?: boolean;
    npmPackage?: string;
  }[];
}

/** The modules of a program. */
export interface ProgramGraph {
  /** Modules that can be imported by themselves, among those that some modules lead to. By key: how to import them. */
  entries(roots: readonly string[]): Map<string, string>;
  /**
   * Of all entries those to bundle with some: what has no other packages than these. What packages share is
   * in as many pieces as the ones need that are bundled, so all that share anything are bundled together.
   */
  together(
    all: ReadonlyMap<string, string>,
    some: ReadonlyMap<string, string>,
  ): Map<string, string>;
  /** The key of a module: the same for all specifiers that mean it. */
  keyOf(specifier: string): string;
  /** Keys of what the modules import statically, in order. */
  imports(): Record<string, string[]>;
  /** What bare specifiers mean, by key of the importing module. */
  bare(): Record<string, Record<string, string>>;
  /** Where Deno was sent on from one specifier to another. */
  readonly redirects: Record<string, string>;
  /** How modules name Dusk's own. */
  namesOfDusk(): string[];
  /** Of some entries those that have nothing to do with what an error message tells of. */
  without(entries: ReadonlyMap<string, string>, message: string): Map<string, string>;
}

/**
 * Read what `deno info` says.
 *
 * @param info What it printed.
 * @param dusk URL of Dusk's own `mod.ts`: the program's graph ends there.
 */
export function readGraph(info: InfoJson, dusk: string): ProgramGraph {
  const redirects = info.redirects ?? {};
  const npmPackages = info.npmPackages ?? {};
  const scripts = /^(?:JavaScript|TypeScript|Mjs|Cjs|Mts|Cts|Jsx|Tsx|JSX|TSX)$/;
  const jsrPackage = /^https:\/\/jsr\.io\/@[^/]+\/[^/]+\/[^/]+/;
  const npmPath = /\/npm\/[^/\s]+\/((?:@[^/\s]+\/)?[^/\s]+)\/(\d[^/_\s]*)(?:_\d+)?\//g;

  function keyOf(specifier: string): string {
    let key = specifier;
    for (let i = 0; i < 10 && redirects[key] !== undefined; i++) key = redirects[key];
    return key.replace(/^(npm|jsr):\//, "$1:");
  }

  interface Node {
    isScript: boolean;
    isBroken: boolean;
    dependencies: { specifier: string; target: string; isDynamic: boolean; package?: string }[];
  }
  const nodes = new Map<string, Node>();
  for (const module of info.modules ?? []) {
    const dependencies: Node["dependencies"] = [];
    let isBroken = module.error !== undefined;
    for (const { specifier, code, isDynamic, npmPackage } of module.dependencies ?? []) {
      if (code === undefined) continue;
      if (code.specifier === undefined) isBroken = true;
      else {
        const target = code.specifier;
        dependencies.push({ specifier, target, isDynamic: !!isDynamic, package: npmPackage });
      }
    }
    const isScript = module.kind === "esm" && scripts.test(module.mediaType ?? "");
    nodes.set(keyOf(module.specifier), { isScript, isBroken, dependencies });
  }

  interface Reached {
    keys: Set<string>;
    packages: Set<string>;
  }
  const reached = new Map<string, Reached>();

  /** Keys of all that a module leads to, itself among them; and which packages. */
  function reach(root: string): Reached {
    let found = reached.get(root);
    if (found === undefined) reached.set(root, found = reachAnew(root));
    return found;
  }

  function reachAnew(root: string, intoDusk = false): Reached {
    const keys = new Set<string>([root]);
    const packages = new Set<string>();
    for (const key of keys) {
      if (key === dusk && !intoDusk) continue;
      for (const dependency of nodes.get(key)?.dependencies ?? []) {
        keys.add(keyOf(dependency.target));
        if (dependency.package !== undefined) packages.add(dependency.package);
      }
    }
    const [[, name, version] = []] = root.matchAll(npmPath);
    const own = name === undefined
      ? root.replace(/(?<=.@[^/]*)\/.*/, "")
      : `npm:${name}@${version}`;
    for (const id of Object.keys(npmPackages)) {
      if (`npm:${withoutPeers(id)}` === own) packages.add(id);
    }
    for (const id of packages) {
      for (const other of npmPackages[id]?.dependencies ?? []) packages.add(other);
    }
    for (const key of keys) {
      const jsr = jsrPackage.exec(key);
      if (jsr !== null) packages.add(jsr[0]);
    }
    return { keys, packages };
  }

  /** `name@version` of an npm package, of which there may be a copy for each set of peers. */
  function withoutPeers(id: string): string {
    return id.replace(/(?<=.@[^_]*)_.*/, "");
  }

  function together(
    all: ReadonlyMap<string, string>,
    some: ReadonlyMap<string, string>,
  ): Map<string, string> {
    const packages = new Set<string>();
    for (const key of some.keys()) for (const id of reach(key).packages) packages.add(id);
    const others = [...all.keys()].filter((key) =>
      /^(?:npm|jsr):/.test(key) || jsrPackage.test(key) || key.search(npmPath) >= 0
    );
    for (let size = -1; size < packages.size;) {
      size = packages.size;
      for (const key of others) {
        const own = [...reach(key).packages];
        if (own.some((id) => packages.has(id))) own.forEach((id) => packages.add(id));
      }
    }
    return new Map(
      [...all].filter(([key]) => [...reach(key).packages].every((id) => packages.has(id))),
    );
  }

  function entries(roots: readonly string[]): Map<string, string> {
    const found = new Map<string, string>();
    const own = reachAnew(dusk, true).keys;
    const seen = new Set(roots.map(keyOf));
    for (const key of seen) {
      if (key === dusk) continue;
      for (const { target } of nodes.get(key)?.dependencies ?? []) {
        const to = keyOf(target);
        if (to === dusk) continue;
        // A program may use Dusk's modules: they are no tasks' business, unless one asks for them.
        if (own.has(to) && nodes.get(to)?.isScript) continue;
        seen.add(to);
        if (found.has(to)) continue;
        // Modules inside of a package of jsr are the package's own business.
        const isEntry = /^(?:npm|jsr):/.test(target) ||
          nodes.get(to)?.isScript && !to.startsWith("https://jsr.io/");
        if (isEntry) found.set(to, target);
      }
    }
    for (const key of found.keys()) {
      if ([...reach(key).keys].some((one) => nodes.get(one)?.isBroken)) found.delete(key);
    }
    return found;
  }

  return {
    keyOf,
    redirects,
    entries,
    together,
    imports() {
      const found: Record<string, string[]> = {};
      for (const [key, { dependencies }] of nodes) {
        const targets = dependencies.filter(({ isDynamic }) => !isDynamic);
        if (targets.length > 0) found[key] = targets.map(({ target }) => keyOf(target));
      }
      return found;
    },
    bare() {
      const found: Record<string, Record<string, string>> = {};
      for (const [key, { dependencies }] of nodes) {
        for (const { specifier, target } of dependencies) {
          if (/^(?:\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(specifier)) continue;
          (found[key] ??= {})[specifier] = keyOf(target);
        }
      }
      return found;
    },
    namesOfDusk() {
      const folder = new URL("./", dusk).href;
      const names = new Set<string>();
      for (const [key, { dependencies }] of nodes) {
        if (key.startsWith(folder)) continue;
        for (const { specifier, target } of dependencies) {
          if (keyOf(target) === dusk) names.add(specifier);
        }
      }
      return [...names];
    },
    without(all, message) {
      const named = new Set([...message.matchAll(/(?:file|https?):\/\/[^\s"'`]+/g)]
        .map(([url]) => keyOf(url.replace(/(?::\d+)*[.,;:)]*$/, ""))));
      const packages = new Set(
        [...message.matchAll(npmPath)].map(([, name, version]) => `${name}@${version}`),
      );
      const left = new Map<string, string>();
      for (const [key, specifier] of all) {
        const reached = reach(key);
        const isMeant = [...named].some((url) => reached.keys.has(url)) ||
          [...reached.packages].some((id) => packages.has(withoutPeers(id)));
        if (!isMeant) left.set(key, specifier);
      }
      return left;
    },
  };
}
