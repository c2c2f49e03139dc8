/**
 * What modules inside of packages export, in terms of the variables of a bundle's files: the bundler
 * leaves nothing of their exports, since nobody imports them by themselves. So their own texts are read.
 *
 * @module
 */
import { type AnyNode, parseScript, type Program } from "../../protocol/functions/parse.ts";
import { bindingPatterns } from "../../protocol/functions/syntax.ts";
import type { BundleLinks, Declared } from "./bundle_links.ts";
import { portableName } from "./module_names.ts";

/** Most modules that pass on an export, one after the other. */
const MAX_DEPTH = 20;

/** A module inside of a package. */
export interface InnerModule {
  /** What its exports are, by name. For a CommonJS module, the function that requires it. */
  exports: ReadonlyMap<string, Declared> | Declared;
  /** What has to be called first. */
  begin: Declared | undefined;
}

/**
 * Find a module of a package in a bundle.
 *
 * @param url URL of the module. @param links The bundle's files.
 * @returns Undefined if it is not in the bundle, or some of its exports cannot be found.
 */
export function innerModule(url: string, links: BundleLinks): InnerModule | undefined {
  return new Finder(links).module(url);
}

class Finder {
  readonly #links: BundleLinks;
  readonly #found = new Map<string, Map<string, Declared>>();

  constructor(links: BundleLinks) {
    this.#links = links;
  }

  module(url: string): InnerModule | undefined {
    const file = this.#links.fileWith(url);
    if (file === undefined) {
      const exports = this.#exports(url, 0);
      return exports && { exports, begin: undefined };
    }
    const read = this.#links.file(file);
    const declared = read.variables.get(portableName(url)) ?? [];
    const required = declared.find((name) => /^require_/.test(name));
    if (required !== undefined) {
      return { exports: { file: read, local: required }, begin: undefined };
    }
    const init = declared.find((name) => /^init_/.test(name));
    const exports = this.#exports(url, 0);
    return exports &&
      { exports, begin: init === undefined ? undefined : { file: read, local: init } };
  }

  #exports(url: string, depth: number): Map<string, Declared> | undefined {
    const known = this.#found.get(url);
    if (known !== undefined) return known;
    const text = this.#links.textOf(url);
    const tree = text === undefined || depth > MAX_DEPTH ? undefined : parseModule(text);
    if (tree === undefined) return undefined;
    const file = this.#links.fileWith(url);
    const found = new Map<string, Declared>();
    const imported = importsOf(tree);
    const own = topLevelNames(tree);
    const add = (name: string, local: string): void => {
      const from = imported.get(local);
      const declared = from === undefined
        ? this.#variable(url, file, local, own)
        : this.#exported(from.specifier, url, from.name, depth);
      // What the bundler left out nobody can have met.
      if (declared !== undefined) found.set(name, declared);
    };
    for (const node of tree.body) {
      if (node.type === "ExportNamedDeclaration") {
        if (node.declaration) declaredBy(node.declaration, (name) => add(name, name));
        for (const { local, exported } of node.specifiers) {
          const name = nameOf(exported);
          if (node.source == null) add(name, nameOf(local));
          else {
            const source = String(node.source.value);
            const declared = this.#exported(source, url, nameOf(local), depth);
            if (declared !== undefined) found.set(name, declared);
          }
        }
      } else if (node.type === "ExportDefaultDeclaration") {
        const { declaration } = node;
        const name = "id" in declaration && declaration.id?.type === "Identifier"
          ? declaration.id.name
          : undefined;
        const declared = (name && this.#variable(url, file, name, own)) ??
          this.#default(url, file);
        if (declared) found.set("default", declared);
      } else if (node.type === "ExportAllDeclaration" && !node.exported) {
        const other = URL.parse(String(node.source.value), url)?.href;
        const passed = other && this.#exports(other, depth + 1);
        for (const [name, declared] of passed || []) {
          if (name !== "default" && !found.has(name)) found.set(name, declared);
        }
      }
    }
    this.#found.set(url, found);
    return found;
  }

  #exported(specifier: string, url: string, name: string, depth: number): Declared | undefined {
    const other = /^\.{0,2}\//.test(specifier) ? URL.parse(specifier, url)?.href : undefined;
    return other === undefined ? undefined : this.#exports(other, depth + 1)?.get(name);
  }

  /** A variable of a module, which the bundler gives a number where others have the name, too. */
  #variable(
    url: string,
    file: string | undefined,
    name: string,
    own: ReadonlySet<string>,
  ): Declared | undefined {
    if (file === undefined) return undefined;
    const read = this.#links.file(file);
    const declared = read.variables.get(portableName(url)) ?? [];
    let local = declared.includes(name) ? name : undefined;
    if (local === undefined) {
      const numbered = declared.filter((one) =>
        one.startsWith(name) && /^\d+$/.test(one.slice(name.length)) && !own.has(one)
      );
      if (numbered.length === 1) [local] = numbered;
    }
    return local === undefined ? undefined : { file: read, local };
  }

  #default(url: string, file: string | undefined): Declared | undefined {
    if (file === undefined) return undefined;
    const read = this.#links.file(file);
    const named = read.variables.get(portableName(url))?.filter((one) => /_default\d*$/.test(one));
    return named?.length === 1 ? { file: read, local: named[0] } : undefined;
  }
}

function parseModule(text: string): Program | undefined {
  try {
    return parseScript(text, true);
  } catch {
    return undefined; // It is in no syntax that the parser knows.
  }
}

function importsOf(tree: Program): Map<string, { specifier: string; name: string }> {
  const imported = new Map<string, { specifier: string; name: string }>();
  for (const node of tree.body) {
    if (node.type !== "ImportDeclaration") continue;
    const specifier = String(node.source.value);
    for (const one of node.specifiers) {
      const name = one.type === "ImportSpecifier"
        ? nameOf(one.imported)
        : one.type === "ImportDefaultSpecifier"
        ? "default"
        : "*";
      imported.set(one.local.name, { specifier, name });
    }
  }
  return imported;
}

function topLevelNames(tree: Program): Set<string> {
  const names = new Set<string>();
  for (const node of tree.body) {
    const declaration = node.type === "ExportNamedDeclaration" && node.declaration || node;
    declaredBy(declaration as AnyNode, (name) => names.add(name));
  }
  return names;
}

function declaredBy(node: AnyNode, add: (name: string) => void): void {
  if (node.type === "VariableDeclaration") {
    for (const { id } of node.declarations) bindingPatterns(id, add);
  } else if (node.type === "FunctionDeclaration" || node.type === "ClassDeclaration") {
    bindingPatterns(node.id, add);
  }
}

function nameOf(node: AnyNode): string {
  if (node.type === "Identifier") return node.name;
  return node.type === "Literal" ? String(node.value) : "";
}
