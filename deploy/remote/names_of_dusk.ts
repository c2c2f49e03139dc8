/**
 * Finds Dusk among the modules of a script: wherever it is imported from, it is the module that has
 * Dusk's own modules beside it.
 *
 * @module
 */

/** What is used of the JSON that `deno info` prints. */
export interface ScriptGraph {
  redirects?: Record<string, string>;
  modules?: {
    specifier: string;
    dependencies?: { specifier: string; code?: { specifier?: string } }[];
  }[];
}

/** How a script's modules name Dusk. */
export interface DuskNames {
  /** For `--external` of `deno bundle`. */
  externals: string[];
  /**
   * Whether what is left in a bundle means Dusk.
   *
   * @param specifier As it stands there.
   * @param base URL of the bundle.
   */
  isDusk(specifier: string, base: URL): boolean;
}

/** Modules that `mod.ts` of any version has beside it. */
const BESIDE = ["client/client.ts", "scheduler/scheduler.ts", "worker/cluster_worker.ts"];

/**
 * How the modules of a script name Dusk.
 *
 * @param graph What `deno info --json` printed of the script.
 */
export function namesOfDusk({ redirects = {}, modules = [] }: ScriptGraph): DuskNames {
  const end = (url: string) => {
    for (let i = 0; i < 10 && redirects[url] !== undefined; i++) url = redirects[url];
    return url;
  };
  const mods = new Set(
    modules.filter(({ specifier, dependencies = [] }) => {
      const targets = new Set(dependencies.map(({ code }) => code?.specifier ?? ""));
      return URL.canParse(specifier) &&
        BESIDE.every((path) => targets.has(URL.parse(path, specifier)?.href ?? ""));
    }).map(({ specifier }) => specifier),
  );
  const externals = new Set<string>();
  const urls = new Set<string>(mods);
  for (const { specifier: module, dependencies = [] } of modules) {
    const inside = [...mods].some((mod) => module.startsWith(new URL("./", mod).href));
    for (const { specifier, code } of dependencies) {
      if (code?.specifier === undefined || !mods.has(end(code.specifier))) continue;
      urls.add(code.specifier);
      if (inside && !isRelative(specifier)) continue;
      const { protocol, pathname } = new URL(code.specifier);
      const isFile = protocol === "file:";
      if (isFile) externals.add(decodeURIComponent(pathname));
      // A relative one could mean a module of the user's own, too.
      if (!isFile || !isRelative(specifier)) externals.add(specifier);
    }
  }
  return {
    externals: [...externals],
    isDusk(specifier, base) {
      if (externals.has(specifier) && !isRelative(specifier)) return true;
      const url = URL.canParse(specifier, base.href) ? new URL(specifier, base).href : specifier;
      return urls.has(url) || urls.has(end(url)) || externals.has(specifier);
    },
  };
}

function isRelative(specifier: string): boolean {
  return /^\.{0,2}\//.test(specifier);
}
