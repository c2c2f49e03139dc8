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

  /** Keys of all that a module leads to, itself among them; and which packages. */
  function reach(root: string, intoDusk = false): { keys: Set<string>; packages: Set<string> } {
    const keys = new Set<string>([root]);
    const packages = new Set<string>();
    for (const key of keys) {
      if (key === dusk && !intoDusk) continue;
      for (const dependency of nodes.get(key)?.dependencies ?? []) {
        keys.add(keyOf(dependency.target));
        if (dependency.package !== undefined) packages.add(dependency.package);
      }
    }
    const id = Object.keys(npmPackages).find((id) =>
      `npm:${id}` === root.replace(/(?<=.@[^/]*)\/.*/, "")
    );
    if (id !== undefined) packages.add(id);
    for (const id of packages) {
      for (const other of npmPackages[id]?.dependencies ?? []) packages.add(other);
    }
    return { keys, packages };
  }

  function entries(roots: readonly string[]): Map<string, string> {
    const found = new Map<string, string>();
    const own = reach(dusk, true).keys;
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
          [...reached.packages].some((id) => packages.has(id.replace(/_.*/, "")));
        if (!isMeant) left.set(key, specifier);
      }
      return left;
    },
  };
}
