/**
 * Makes parts of the modules that functions import: what the program imports is bundled once per process,
 * into scripts that need neither files nor network where they run.
 *
 * @module
 */
import { isBuiltin } from "node:module";
import { FunctionError } from "../../protocol/functions/function_error.ts";
import type { ModuleResolver, ResolvedModule } from "../../protocol/functions/modules.ts";
import { RUNTIME } from "../../protocol/functions/linked_modules.ts";
import type { CodePart } from "../../protocol/messages.ts";
import { registerBundledArrow, registerKnownLibraries } from "./arrow.ts";
import type { Bundle } from "./bundle_order.ts";
import { BundleParts } from "./bundle_parts.ts";
import { type BundleLimits, runBundler } from "./bundle_process.ts";
import { configFolder } from "./config_folder.ts";
import { packageFile } from "./module_names.ts";
import { packageImport } from "./package_import.ts";
import { bundleUpload, type Upload, type UploadedModule } from "./upload.ts";

/** Options of {@linkcode ModuleBundler}. */
export interface ModuleBundlerOptions {
  /** URL of Dusk's own `mod.ts`. Default: that of this program. */
  dusk?: string;
  /** Limits of a bundle. */
  limits?: BundleLimits;
}

/** The modules that one configuration holds for. */
interface Program {
  /** What was bundled together each time, the newest first: what is in several of them is the same. */
  readonly bundles: BundleParts[];
  /** The modules that lead to the others. */
  readonly roots: Set<string>;
  /** What was asked for. */
  readonly asked: Set<string>;
}

/** The modules of one client. */
export class ModuleBundler implements ModuleResolver {
  readonly #dusk: string;
  readonly #limits: BundleLimits;
  /** By the folder whose configuration holds. */
  readonly #programs = new Map<string, Program>();
  /** By specifier, and the folder or package whose configuration holds. */
  readonly #resolved = new Map<string, ResolvedModule>();
  /** By name: what has the same content is the same object. */
  readonly #parts = new Map<string, CodePart>();
  readonly #uploaded = new Set<string>();

  constructor(options: ModuleBundlerOptions = {}) {
    this.#dusk = options.dusk ?? new URL("../../mod.ts", import.meta.url).href;
    this.#limits = options.limits ?? {};
  }

  /**
   * The part of a module. Blocks while `deno bundle` runs: for the module, with all of the program that
   * has no other packages. So packages that are large are no burden to those who do without them.
   *
   * @param specifier What the import says.
   * @param referrer URL of the importing module.
   * @throws {FunctionError} When it cannot run on a worker, or there is no way to bundle it.
   *
   * @example
   * ```ts
   * modules.resolve("npm:nanoid@5.0.9", import.meta.url); // { module: "m9a3…", part: { code, origin } }
   * ```
   */
  resolve(specifier: string, referrer: string): ResolvedModule {
    const target = absolute(specifier, referrer);
    if (target.startsWith("node:")) {
      if (isBuiltin(target)) return { module: target };
      throw new FunctionError(`there is no built-in module "${target}"; check the name`);
    }
    if (this.#isDusk(target)) return { module: RUNTIME };
    const folder = this.#folderOf(referrer);
    // A package has dependencies of its own.
    const key = `${folder ?? ""}\n${packageFile(referrer)?.package ?? ""}\n${target}`;
    let resolved = this.#resolved.get(key);
    if (resolved === undefined) {
      resolved = this.#find(target, referrer, folder);
      this.#resolved.set(key, resolved);
    }
    return resolved;
  }

  /** Whether {@linkcode bundleUpload} made this name known. */
  isUploaded(specifier: string): boolean {
    return this.#uploaded.has(specifier);
  }

  /**
   * Bundle a file, or a folder's files, as they are now.
   *
   * @param path Path or `file:` URL.
   * @throws {FunctionError} When it is not there, or has no module that can run on a worker.
   */
  bundleUpload(path: string | URL): Upload {
    const upload = bundleUpload(path, (urls) => this.#bundleFiles(urls));
    for (const name of Object.keys(upload.modules)) this.#uploaded.add(name);
    return upload;
  }

  /** See {@linkcode registerKnownLibraries}. */
  recognize(instance: object): boolean {
    return registerKnownLibraries(instance);
  }

  /** The folder whose configuration holds for a module: in a program, that is the main module's. */
  #folderOf(referrer: string): string | undefined {
    const main = mainModule();
    const folder = configFolder(main ?? referrer);
    const own = configFolder(referrer);
    if (own === undefined || own === folder) return folder;
    const program = this.#programs.get(folder ?? "");
    return program?.bundles.some(({ links }) => isIn(links.bundle, referrer)) ? folder : own;
  }

  #find(target: string, referrer: string, folder: string | undefined): ResolvedModule {
    let program = this.#programs.get(folder ?? "");
    if (program === undefined) {
      program = { bundles: [], roots: new Set(), asked: new Set() };
      this.#programs.set(folder ?? "", program);
    }
    const { bundles, roots, asked } = program;
    for (const parts of bundles) {
      const known = keyIn(parts.links.bundle, target, referrer);
      if (known !== undefined) return this.#module(parts, known);
    }
    for (const parts of bundles) {
      const inner = parts.inner(parts.links.bundle.inner[target] ?? target);
      if (inner !== undefined) return this.#withNeeded(inner);
    }
    const main = mainModule();
    if (main !== undefined && configFolder(main) === folder) roots.add(main);
    if (isModule(referrer) && packageFile(referrer) === undefined) roots.add(referrer);
    const answer = runBundler({
      wanted: [target],
      referrer,
      roots: [...roots],
      entries: [...asked],
      known: bundles.flatMap(({ links }) => Object.keys(links.bundle.entries))
        .filter((key) => /^(?:npm|jsr):/.test(key)),
      folder,
      dusk: this.#dusk,
    }, this.#limits);
    if (answer.kind === "builtin") return { module: answer.name };
    if (answer.kind === "known") {
      const { key } = answer;
      return this.#module(
        bundles.find(({ links }) => Object.hasOwn(links.bundle.entries, key))!,
        key,
      );
    }
    const [key] = answer.wanted;
    const parts = new BundleParts(answer, this.#parts);
    bundles.unshift(parts);
    asked.add(answer.entries[key].specifier);
    return this.#module(parts, key);
  }

  /** Files as they are now, together. */
  #bundleFiles(urls: readonly [string, ...string[]]): UploadedModule[] {
    const own = urls.find((url) => this.#isDusk(url));
    if (own !== undefined) {
      throw new FunctionError(
        `${own} is Dusk itself, which tasks have anyway; upload modules of your own`,
      );
    }
    const [url] = urls;
    const folder = configFolder(url);
    const request = { wanted: urls, referrer: url, roots: [], entries: [], known: [], folder };
    const answer = runBundler({ ...request, dusk: this.#dusk }, this.#limits);
    if (answer.kind !== "bundle") throw new TypeError(`files gave the ${answer.kind} module`);
    const parts = new BundleParts(answer, this.#parts);
    return answer.wanted.map((key) => this.#module(parts, key));
  }

  #module(parts: BundleParts, key: string): UploadedModule & { part: CodePart } {
    const module = parts.module(key);
    if (/^npm:apache-arrow(?:[@/]|$)/.test(key)) registerBundledArrow(parts.sourcesOf(key));
    return this.#withNeeded(module);
  }

  #withNeeded(module: string): UploadedModule & { part: CodePart } {
    const needed = new Map<string, CodePart>();
    const names = new Set([module]);
    for (const name of names) {
      const part = this.#parts.get(name)!;
      needed.set(name, part);
      for (const need of part.needs ?? []) names.add(need);
    }
    return { module, part: this.#parts.get(module)!, parts: needed };
  }

  #isDusk(target: string): boolean {
    if (target.split(/[?#]/, 1)[0] === this.#dusk) return true;
    const own = /^https:\/\/jsr\.io\/(@[^/]+\/[^/]+)\//.exec(this.#dusk)?.[1];
    const asked = /^jsr:\/?(@[^/]+\/[^/@]+)(?:@[^/]*)?$/.exec(target)?.[1];
    if (own !== undefined && asked === own) return true;
    if (URL.canParse(target)) return false;
    try {
      return import.meta.resolve(target) === this.#dusk;
    } catch {
      return false; // The import map of this program doesn't know it. That of the module may.
    }
  }
}

/** The program's main module, if it is one that can be read. */
function mainModule(): string | undefined {
  const url = Deno.mainModule;
  // What `deno test`, `deno eval` and `deno repl` make up.
  return isModule(url) && !/\/\$deno\$[^/]*$/.test(url) ? url : undefined;
}

function isModule(url: string): boolean {
  return /^(?:file|https?):/.test(url);
}

/** Whether a module is one of the program's. */
function isIn({ entries, imports }: Bundle, url: string): boolean {
  return Object.hasOwn(entries, url) || Object.hasOwn(imports, url);
}

/** The key of a module in a bundle; undefined if the bundle does not have it. */
function keyIn(bundle: Bundle, target: string, referrer: string): string | undefined {
  let key = target;
  if (!URL.canParse(target)) {
    const names = Object.hasOwn(bundle.bare, referrer) ? bundle.bare[referrer] : {};
    if (!Object.hasOwn(names, target)) return undefined;
    key = names[target];
  }
  for (let i = 0; i < 10 && Object.hasOwn(bundle.redirects, key); i++) key = bundle.redirects[key];
  key = key.replace(/^(npm|jsr):\//, "$1:");
  return Object.hasOwn(bundle.entries, key) ? key : undefined;
}

function absolute(specifier: string, referrer: string): string {
  const inPackage = packageImport(specifier, referrer);
  if (inPackage !== undefined) return inPackage;
  if (!/^\.{0,2}\//.test(specifier)) return specifier;
  if (URL.canParse(specifier, referrer)) return new URL(specifier, referrer).href;
  throw new FunctionError(
    `cannot tell what "${specifier}" is for a module that has no place (${
      referrer.slice(0, 60)
    }); ` +
      `import it by a full URL`,
  );
}
