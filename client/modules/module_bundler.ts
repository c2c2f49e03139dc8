/**
 * Makes parts of the modules that functions import: each is bundled once per process, with all that it
 * imports, into one script that needs neither files nor network where it runs.
 *
 * @module
 */
import { isBuiltin } from "node:module";
import { FunctionError } from "../../protocol/functions/function_error.ts";
import type { ModuleResolver, ResolvedModule } from "../../protocol/functions/modules.ts";
import { RUNTIME } from "../../protocol/functions/linked_modules.ts";
import type { CodePart } from "../../protocol/messages.ts";
import { tokenize } from "../../protocol/tokenize.ts";
import { serialize } from "../../protocol/values.ts";
import { registerBundledArrow, registerKnownLibraries } from "./arrow.ts";
import type { Bundle } from "./bundle_order.ts";
import { type BundleLimits, runBundler } from "./bundle_process.ts";
import { scriptOf } from "./bundle_script.ts";
import { configFolder } from "./config_folder.ts";
import { packageFile, portableName } from "./module_names.ts";
import { packageImport } from "./package_import.ts";
import { bundleUpload, type Upload } from "./upload.ts";

/** Options of {@linkcode ModuleBundler}. */
export interface ModuleBundlerOptions {
  /** URL of Dusk's own `mod.ts`. Default: that of this program. */
  dusk?: string;
  /** Limits of a bundle. */
  limits?: BundleLimits;
}

/** The modules of one client. */
export class ModuleBundler implements ModuleResolver {
  readonly #dusk: string;
  readonly #limits: BundleLimits;
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
   * The part of a module. Blocks while `deno bundle` runs, the first time.
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
    const folder = configFolder(referrer);
    // A package has dependencies of its own.
    const key = `${folder ?? packageFile(referrer)?.package ?? ""}\n${target}`;
    let resolved = this.#resolved.get(key);
    if (resolved === undefined) {
      resolved = this.#bundle(target, referrer, folder);
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
    const upload = bundleUpload(path, (url) => this.#bundle(url, url, configFolder(url)));
    for (const name of Object.keys(upload.modules)) this.#uploaded.add(name);
    return upload;
  }

  /** See {@linkcode registerKnownLibraries}. */
  recognize(instance: object): boolean {
    return registerKnownLibraries(instance);
  }

  #bundle(specifier: string, referrer: string, folder: string | undefined): ResolvedModule {
    const request = { specifier, referrer, folder, dusk: this.#dusk };
    const answer = runBundler(request, this.#limits);
    if (answer.kind === "builtin") return { module: answer.name };
    return this.#partOf(answer);
  }

  #partOf(bundle: Bundle): ResolvedModule {
    if (/^npm:\/?apache-arrow(?:[@/]|$)/.test(bundle.url)) registerBundledArrow(bundle.sources);
    const { source, isAsync, mappings } = scriptOf(bundle);
    const code = serialize({ url: portableName(bundle.url), source, isAsync });
    const module = `m${tokenize(code)}`;
    let part = this.#parts.get(module);
    if (part === undefined) {
      const sources = bundle.sources.map((url) =>
        packageFile(url) === undefined ? url : portableName(url)
      );
      part = { code, origin: serialize({ sources, mappings }) };
      this.#parts.set(module, part);
    }
    return { module, part };
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
