/**
 * What the bundling process is asked, and what it answers. It is a process of its own (`deno eval`), so
 * that bundling needs no permission of the client's but the one to run `deno`.
 *
 * @module
 */
import { superviseBundle } from "./bundle_supervisor.ts";
import { readGraph } from "./program_graph.ts";
import { readProject } from "./project.ts";

/** What to bundle, and with what in mind. */
export interface BundleOrder {
  /** What is asked for: URLs, `npm:…`, `jsr:…` or bare names. Never relative. */
  wanted: readonly string[];
  /** URL of the importing module. */
  referrer: string;
  /** Modules whose graph is the program's. Those that are not there are left out. */
  roots: readonly string[];
  /** What was asked for before: it belongs to the program. */
  entries: readonly string[];
  /** Keys of what there is already, which is not bundled again. */
  known: readonly string[];
  /** URL of Dusk's own `mod.ts`, which stays outside of the bundle. */
  dusk: string;
  /** Its path, when it is a file. */
  duskPath?: string;
  /** Flags for `deno bundle` that follow from the permissions of this process. */
  flags: string[];
  /** Most bytes of the code and of the source maps each. */
  maxBytes: number;
  /** Most seconds that bundling may take. */
  maxSeconds: number;
}

/** A file that the bundler wrote: JavaScript that imports others of them. */
export interface BundleFile {
  code: string;
  /** Absolute URLs; "" for what is of none of the program's modules. */
  sources: string[];
  /** Source map v3 mappings of `code`. */
  mappings: string;
  /** Texts of those modules in it that are of packages, by URL. */
  texts: Record<string, string>;
}

/** Modules of a program that were bundled together: each is in one of the files. */
export interface Bundle {
  kind: "bundle";
  /** Keys of the modules that were wanted. */
  wanted: string[];
  /** By key of a module: the file that exports its namespace as `module`, and how to import the module. */
  entries: Record<string, { file: string; specifier: string }>;
  /** By name. */
  files: Record<string, BundleFile>;
  /** Keys of all the program's modules that can be imported, those that are not bundled yet among them. */
  modules: string[];
  /** Keys of what modules import statically, in order, by key. */
  imports: Record<string, string[]>;
  /** What bare specifiers mean, by key of the importing module. */
  bare: Record<string, Record<string, string>>;
  /** Where Deno was sent on from one specifier to another. */
  redirects: Record<string, string>;
  /** npm packages whose modules do nothing but export, as `name@version`. */
  pure: string[];
  /** URLs of modules of packages that only other packages import, by the names that the packages give them. */
  inner: Record<string, string>;
  /** Texts of modules of packages that only pass on what others export: nothing of them is in a file. By URL. */
  passing: Record<string, string>;
  /** How modules of the bundle name Dusk's `mod.ts`. */
  dusk: string[];
}

/** What comes of an order. */
export type BundleAnswer =
  | Bundle
  /** It is a module of Deno's own, or (`dusk:`) Dusk itself. */
  | { kind: "builtin"; name: string }
  /** It is another name for what there is already. */
  | { kind: "known"; key: string }
  | { kind: "error"; reason: "failed" | "size" | "time"; message: string };

/** The program of a process that carries out an order, and prints the answer as JSON. */
export function bundleProgram(order: BundleOrder): string {
  return `const answer = JSON.stringify(await (${superviseBundle})(${JSON.stringify(order)}, ` +
    `${readGraph}, ${readProject}));` +
    "const bytes = new TextEncoder().encode(answer);" +
    "for (let n = 0; n < bytes.length;) n += await Deno.stdout.write(bytes.subarray(n));" +
    "Deno.exit();";
}
