/**
 * How the files of a bundle depend on each other: what each is to be called for, which ones have to be
 * there before it, and in which order.
 *
 * @module
 */
import { MODULE, ReadFile } from "./bundle_file.ts";
import type { Bundle } from "./bundle_order.ts";
import { packageFile, portableName } from "./module_names.ts";
import { renamedVariables } from "./portable_variables.ts";

/** Where something is declared. */
export interface Declared {
  readonly file: ReadFile;
  /** The variable. */
  readonly local: string;
}

/** What a file gives when it is loaded. */
export type Result =
  /** A module's namespace. */
  | { readonly kind: "space"; readonly local: string }
  /** Variables that other files use, by their own names. */
  | { readonly kind: "variables"; readonly locals: readonly string[] }
  /** What it exports, as a module does. */
  | { readonly kind: "exports" };

/** What stands before a module's text. */
const TITLE = /^\/\/ /m;

/** The files of one bundle. */
export class BundleLinks {
  readonly bundle: Bundle;
  readonly #files = new Map<string, ReadFile>();
  /** By file, what it exports as namespaces of modules that can be imported, and the files that begin with these. */
  readonly #begins = new Map<string, Map<string, string>>();
  /** By file that begins with a module: its key. */
  readonly #keys = new Map<string, string>();
  /** Files that the bundler begins with for the sake of an `import()`. */
  readonly #dynamic = new Set<string>();
  readonly #results = new Map<string, Result>();
  readonly #renames = new Map<string, ReadonlyMap<string, string>>();
  readonly #needs = new Map<string, readonly string[]>();
  readonly #reached = new Map<string, ReadonlySet<string>>();
  readonly #isFile = (specifier: string) =>
    specifier.startsWith("./") && Object.hasOwn(this.bundle.files, specifier.slice(2));

  /** @param bundle What the bundler made. */
  constructor(bundle: Bundle) {
    this.bundle = bundle;
    for (const [key, { file }] of Object.entries(bundle.entries)) {
      this.#keys.set(file, key);
      // Most only lead to the file that has the module.
      const [lead] = TITLE.test(bundle.files[file].code) ? [] : this.file(file).imported.values();
      const begins = this.#begins.get(lead?.file ?? file) ?? new Map<string, string>();
      this.#begins.set(lead?.file ?? file, begins.set(lead?.name ?? MODULE, file));
    }
  }

  /** A file, read. */
  file(name: string): ReadFile {
    let file = this.#files.get(name);
    if (file === undefined) {
      file = new ReadFile(name, this.bundle.files[name], this.#isFile);
      this.#files.set(name, file);
    }
    return file;
  }

  /** The namespaces in a file of modules that can be imported. */
  #hosted({ name, exports }: ReadFile): string[] {
    return [...this.#begins.get(name)?.keys() ?? []].map((exported) => exports.get(exported)!);
  }

  /** The file that has a module of a package. */
  fileWith(url: string): string | undefined {
    const { files } = this.bundle;
    const names = Object.keys(files);
    const found = names.find((name) => Object.hasOwn(files[name].texts, url));
    if (found !== undefined) return found;
    // A package's own source maps name other modules, but the bundler's titles do not.
    const path = decodeURI(url.slice(url.lastIndexOf("/npm/")));
    return names.find((name) =>
      files[name].code.includes(`${path}\n`) &&
      this.file(name).variables.has(portableName(url))
    );
  }

  /** The text of a module of a package. */
  textOf(url: string): string | undefined {
    const { files, passing } = this.bundle;
    if (Object.hasOwn(passing, url)) return passing[url];
    const name = this.fileWith(url);
    return name === undefined ? undefined : files[name].texts[url];
  }

  /** The namespace of a module of a package, if it is one that can be imported. */
  spaceOf(url: string): Declared | undefined {
    const name = this.fileWith(url);
    if (name === undefined) return undefined;
    const file = this.file(name);
    const declared = file.variables.get(portableName(url)) ?? [];
    const local = this.#hosted(file).find((space) => declared.includes(space));
    return local === undefined ? undefined : { file, local };
  }

  /** URL of the module that a file is there for, if it is there for one. */
  moduleIn(name: string): string | undefined {
    const begins = [...this.#begins.get(name)?.values() ?? []];
    const key = begins.length === 1 ? this.#keys.get(begins[0]) : undefined;
    return key !== undefined && /^(?:file|https?):/.test(key) ? key : undefined;
  }

  /** What a file exports under a name, and where that is declared. */
  find(file: string, name: string): Declared {
    const read = this.file(file);
    const local = read.exports.get(name);
    if (local === undefined) throw new Error(`the bundler's file ${file} has no export ${name}`);
    return this.declared(read, local);
  }

  /** Where a variable of a file is declared. */
  declared(file: ReadFile, local: string): Declared {
    const imported = file.imported.get(local);
    return imported === undefined ? { file, local } : this.find(imported.file, imported.name);
  }

  /** The file that a dynamic import of the bundle means; undefined if it means something else. */
  dynamicFile(specifier: string): string | undefined {
    return this.#isFile(specifier) ? specifier.slice(2) : undefined;
  }

  /** The module that a file begins with, if that is all that the file does: its namespace. */
  dynamicSpace(name: string): Declared | undefined {
    const found = this.#spaceOf(this.file(name));
    if (found === undefined) this.#dynamic.add(name);
    return found;
  }

  #spaceOf(file: ReadFile): Declared | undefined {
    if (file.hasModules) return undefined;
    let found: Declared | undefined;
    for (const [exported, local] of file.exports) {
      const declared = this.declared(file, local);
      const [space] = [...declared.file.spaces].find(([space, names]) =>
        this.#hosted(declared.file).includes(space) && names.size === file.exports.size &&
        names.get(declared.local) === exported
      ) ?? [];
      if (space === undefined) {
        return undefined;
      }
      if (found !== undefined && (found.local !== space || found.file !== declared.file)) {
        return undefined;
      }
      found = { file: declared.file, local: space };
    }
    return found;
  }

  /** What a file gives. */
  result(name: string): Result {
    let result = this.#results.get(name);
    if (result === undefined) this.#results.set(name, result = this.#resultOf(this.file(name)));
    return result;
  }

  #resultOf(file: ReadFile): Result {
    if (this.#keys.has(file.name) && Object.keys(file.file.texts).length === 0) {
      return { kind: "space", local: file.exports.get(MODULE)! };
    }
    if (this.#dynamic.has(file.name)) return { kind: "exports" };
    const hosted = this.#hosted(file);
    // Code that was met inside of a package is asked for by its own module.
    if (Object.keys(file.file.texts).length > 0) {
      const locals = [...file.variables.values()].flat();
      return { kind: "variables", locals: [...new Set(locals)].sort() };
    }
    const locals = [...file.exports.values()].filter((local) =>
      !file.helpers.has(local) && !file.imported.has(local)
    );
    const names = file.spaces.get(hosted[0]);
    if (
      hosted.length === 1 && names !== undefined &&
      locals.every((local) => local === hosted[0] || names.has(local))
    ) return { kind: "space", local: hosted[0] };
    // Whatever others happen to use: they may, or may not, be in the same bundle.
    const exported = hosted.flatMap((space) => [space, ...file.spaces.get(space)?.keys() ?? []])
      .filter((local) => !file.helpers.has(local) && !file.imported.has(local));
    return { kind: "variables", locals: [...new Set([...locals, ...exported])].sort() };
  }

  /** How to get at a variable of a file, given what the file gives; undefined: it is all of that. */
  memberOf({ file, local }: Declared): string | undefined {
    const result = this.result(file.name);
    if (result.kind === "variables") return this.renames(file.name).get(local) ?? local;
    return result.kind === "space" && result.local !== local
      ? file.spaces.get(result.local)!.get(local)
      : undefined;
  }

  /** Variables of a file that have other names on every machine, with names that are the same. */
  renames(name: string): ReadonlyMap<string, string> {
    let renames = this.#renames.get(name);
    if (renames === undefined) this.#renames.set(name, renames = renamedVariables(this.file(name)));
    return renames;
  }

  /** The files that have to be loaded before a file, in order. */
  needs(name: string): readonly string[] {
    let needs = this.#needs.get(name);
    if (needs === undefined) this.#needs.set(name, needs = this.#needsOf(this.file(name)));
    return needs;
  }

  /** The files that are loaded with a file, itself among them. */
  reached(name: string): ReadonlySet<string> {
    let reached = this.#reached.get(name);
    if (reached === undefined) {
      reached = new Set([name, ...this.needs(name).flatMap((need) => [...this.reached(need)])]);
      this.#reached.set(name, reached);
    }
    return reached;
  }

  /** Files that a file imports when it comes to that. */
  dynamic(name: string): string[] {
    return this.file(name).syntax.dynamicImports.flatMap(({ specifier }) => {
      const file = this.dynamicFile(specifier);
      return file === undefined ? [] : [this.dynamicSpace(file)?.file.name ?? file];
    });
  }

  #needsOf(file: ReadFile): string[] {
    const needs = new Set<string>();
    for (const local of file.imported.keys()) {
      const declared = this.declared(file, local);
      if (!declared.file.helpers.has(declared.local)) needs.add(declared.file.name);
    }
    // The bundler has only the files that it begins with import what is there for its side effects.
    const begins = [...this.#begins.get(file.name)?.values() ?? []].map((name) => this.file(name));
    const own = new Set([...needs].flatMap((need) => [...this.reached(need)]));
    for (const other of new Set([file, ...begins].flatMap(({ files }) => [...files]))) {
      if (other === file.name || own.has(other) || this.#isPure(other)) continue;
      needs.add(other);
    }
    return this.#inOrder(file.name, needs);
  }

  /** Whether nothing happens when a file is loaded, as far as the packages say whose files are in it. */
  #isPure(name: string): boolean {
    return this.bundle.files[name].sources.every((source) => {
      const file = source === "" ? undefined : packageFile(source);
      return source === "" || file !== undefined && this.bundle.pure.includes(file.package);
    });
  }

  /** In the order in which the modules of a file import them. */
  #inOrder(name: string, needs: ReadonlySet<string>): string[] {
    if (needs.size < 2) return [...needs];
    const { imports, entries, files } = this.bundle;
    const hosts = [...this.#begins.get(name)?.values() ?? []].map((begin) =>
      this.#keys.get(begin)!
    );
    const roots = hosts.length > 0 ? hosts : files[name].sources;
    const order = new Map<string, number>();
    const seen = new Set<string>(roots);
    // Deep first, and without recursion: a program's imports can be a long chain.
    const pending = roots.map((key) => ({ key, next: 0 })).reverse();
    while (pending.length > 0) {
      const at = pending[pending.length - 1];
      const to = imports[at.key]?.[at.next++];
      if (to !== undefined) {
        if (!seen.has(to)) pending.push({ key: to, next: 0 });
        seen.add(to);
        continue;
      }
      pending.pop();
      const begin = Object.hasOwn(entries, at.key) ? entries[at.key].file : undefined;
      if (begin === undefined) continue;
      const found = [...this.file(begin).files].reverse();
      for (const file of [...found, begin]) if (!order.has(file)) order.set(file, order.size);
    }
    return [...needs].sort((a, b) => (order.get(a) ?? -1) - (order.get(b) ?? -1));
  }
}
