/**
 * Makes a script of a bundle: one expression, a function that gives the module's namespace. A thread
 * evaluates it where it could import nothing, and its text is the same on every machine.
 *
 * @module
 */
import { FunctionError } from "../../protocol/functions/function_error.ts";
import { RUNTIME } from "../../protocol/functions/linked_modules.ts";
import type { AnyNode } from "../../protocol/functions/parse.ts";
import { runtimeNames } from "../../protocol/functions/runtime_names.ts";
import { type Place, SourceMap } from "../../protocol/functions/source_map.ts";
import type { Bundle } from "./bundle_order.ts";
import { type BundleSyntax, type NamedModule, readBundle } from "./bundle_syntax.ts";
import { packageFile, portableName } from "./module_names.ts";
import { applyEdits, type Edit, lineOf, lineStarts } from "./text_edits.ts";

/** A module as code. */
export interface Script {
  /** `(function($builtin, $meta) {…})`, or the same with `async function`. */
  source: string;
  isAsync: boolean;
  /** Source map v3 mappings of `source`. */
  mappings: string;
}

/** What `import * as name` gives of a built-in, whose exports are properties of one object. */
const namespaceMaker = `m=>{const n={default:m};for(const k of Object.getOwnPropertyNames(m))` +
  `if(k!=="default")Object.defineProperty(n,k,{enumerable:true,get:()=>m[k]});return n;}`;

/**
 * Make a script.
 *
 * @param bundle What `deno bundle` made.
 * @returns The script. Its hash depends on nothing but what the modules say.
 * @throws {FunctionError} When something in it cannot run on a worker.
 */
export function scriptOf(bundle: Bundle): Script {
  return new ScriptMaker(bundle).make();
}

class ScriptMaker {
  readonly #bundle: Bundle;
  readonly #found: BundleSyntax;
  readonly #map: SourceMap;
  readonly #lines: number[];
  readonly #dusk: ReadonlySet<string>;
  readonly #edits: Edit[] = [];
  readonly #builtin: string;
  readonly #meta: string;
  readonly #namespace: string;

  constructor(bundle: Bundle) {
    this.#bundle = bundle;
    this.#found = readBundle(bundle.code);
    this.#map = new SourceMap(bundle.sources, bundle.mappings);
    this.#lines = lineStarts(bundle.code);
    this.#dusk = new Set(bundle.dusk);
    this.#builtin = this.#unused("$builtin");
    this.#meta = this.#unused("$meta");
    this.#namespace = this.#unused("$namespace");
  }

  make(): Script {
    this.#forgetPaths();
    this.#replaceMeta();
    this.#replaceRequires();
    this.#replaceDynamicImports();
    const imports = this.#hoistImports();
    this.#returnNamespace();
    const { isAsync } = this.#found;
    const head = `(${isAsync ? "async " : ""}function(${this.#builtin},${this.#meta})` +
      `{"use strict";${imports}`;
    this.#edits.push({ start: 0, end: 0, text: head });
    const { code, mappings } = applyEdits(this.#bundle, this.#edits);
    return { source: `${code}\n})`, isAsync, mappings };
  }

  /** Take out what tells of this machine: comments with paths, names of files and of folders. */
  #forgetPaths(): void {
    for (const { type, value, start, end } of this.#found.comments) {
      if (type !== "Line" || this.#lines[lineOf(this.#lines, start)] !== start) continue;
      this.#edits.push({ start, end, text: "" });
      if (value.endsWith(".wasm")) {
        throw this.#refuse(
          undefined,
          `imports the WebAssembly module ${nameOfModule(value.trim())}, which deno bundle gets ` +
            `wrong; read its bytes here, and instantiate them in the task`,
        );
      }
    }
    for (const { node, name } of this.#found.moduleKeys) {
      this.#replace(node, JSON.stringify(nameOfModule(name)));
    }
    this.#renameFolders();
  }

  /**
   * A variable that stands for an `index` file is called after the folder that the file is in, or
   * `index`, as it lies from where the bundler ran.
   */
  #renameFolders(): void {
    const folders = new Set(["index"]);
    for (const url of this.#bundle.sources) {
      const folder = /^file:.*\/([^/]+)\/index\.[^/]+$/.exec(url)?.[1];
      if (folder !== undefined && packageFile(url) === undefined) {
        folders.add(identifierOf(decodeURIComponent(folder)));
      }
    }
    const index = this.#unused("index$");
    let count = 0;
    for (const [name, uses] of this.#found.fileVariables) {
      const folder = /^(?:require_|init_)(.*?)\d*$|^(.*)_(?:exports|default)\d*$/.exec(name);
      if (folder === null || !folders.has(folder[1] ?? folder[2])) continue;
      const newName = `${index}${count++}`;
      for (const { node, isShorthand } of uses) {
        this.#replace(node, isShorthand ? `${name}:${newName}` : newName);
      }
    }
  }

  #replaceMeta(): void {
    const made = this.#found.requireMakers;
    const isInMaker = (node: AnyNode) =>
      made.some(({ start, end }) => start <= node.start && node.end <= end);
    for (const node of made) {
      const place = this.#placeOf(node);
      if (place !== undefined && packageFile(place.file) === undefined) {
        throw this.#refuse(
          place,
          "calls createRequire, and require finds nothing on a worker; import what it requires",
        );
      }
      this.#replace(node, this.#builtin);
    }
    for (const { node, property } of this.#found.metas) {
      if (isInMaker(node)) continue;
      if (property !== undefined && ["url", "dirname", "filename", "resolve"].includes(property)) {
        this.#refuseFiles(node, `import.meta.${property}`);
      }
      this.#replace(node, this.#meta);
    }
    for (const { node, isShorthand } of this.#found.fileNames) {
      this.#refuseFiles(node, node.name);
      const value = `${this.#meta}.${node.name.slice(2)}`;
      this.#replace(node, isShorthand ? `${node.name}:${value}` : value);
    }
  }

  /** In a package, which may well do without, it fails at run time. */
  #refuseFiles(node: AnyNode, what: string): void {
    const place = this.#placeOf(node);
    if (place === undefined || packageFile(place.file) !== undefined) return;
    throw this.#refuse(
      place,
      `uses ${what}, and on a worker there are no files beside the module; read them here, and ` +
        `pass what is in them as arguments`,
    );
  }

  #replaceRequires(): void {
    for (const required of this.#found.requires) {
      if (this.#dusk.has(required.specifier)) {
        this.#replace(required.node, `${this.#builtin}(${JSON.stringify(RUNTIME)})`);
      } else if (isFile(required.specifier)) {
        this.#checkAddon(required);
        const name = JSON.stringify(required.specifier.replace(/.*[/\\]/, ""));
        this.#replace(required.node, `${this.#builtin}(${name})`);
      }
    }
  }

  #replaceDynamicImports(): void {
    for (const imported of this.#found.dynamicImports) {
      const { node, specifier } = imported;
      if (this.#dusk.has(specifier)) {
        this.#replace(node, `Promise.resolve(${this.#builtin}(${JSON.stringify(RUNTIME)}))`);
      } else if (isFile(specifier)) {
        this.#checkAddon(imported);
        const name = JSON.stringify(specifier.replace(/.*[/\\]/, ""));
        this.#replace(node, `Promise.reject(new TypeError("no module "+${name}))`);
      }
    }
  }

  #checkAddon({ node, specifier, isTried }: NamedModule): void {
    if (isTried && specifier.endsWith(".node")) return;
    throw this.#refuseModule(node, specifier);
  }

  #refuseModule(node: AnyNode, specifier: string): FunctionError {
    const name = specifier.replace(/.*[/\\]/, "");
    return this.#refuse(
      this.#placeOf(node),
      specifier.endsWith(".node")
        ? `imports the native addon ${name}, and native code does not travel; call it here, and ` +
          `pass what comes of it as arguments`
        : `imports "${name}", which is not found`,
    );
  }

  /** @returns Declarations of what was imported. Imports come first, wherever they stand. */
  #hoistImports(): string {
    const declarations: string[] = [];
    let needsMaker = false;
    for (const node of this.#found.imports) {
      const specifier = String(node.source.value);
      const isDusk = this.#dusk.has(specifier);
      if (!isDusk && !specifier.startsWith("node:")) throw this.#refuseModule(node, specifier);
      const module = `${this.#builtin}(${JSON.stringify(isDusk ? RUNTIME : specifier)})`;
      const names: string[] = [];
      for (const imported of node.specifiers) {
        const local = imported.local.name;
        if (imported.type === "ImportNamespaceSpecifier") {
          needsMaker ||= !isDusk;
          declarations.push(`${local}=${isDusk ? module : `${this.#namespace}(${module})`}`);
          continue;
        }
        const name = imported.type === "ImportDefaultSpecifier"
          ? "default"
          : imported.imported.type === "Identifier"
          ? imported.imported.name
          : String(imported.imported.value);
        if (isDusk && !runtimeNames.has(name)) {
          throw this.#refuse(this.#placeOf(node), notInTasks(name));
        }
        if (name === "default") declarations.push(`${local}=${module}`);
        else names.push(name === local ? name : `${JSON.stringify(name)}:${local}`);
      }
      if (names.length > 0) declarations.push(`{${names.join(",")}}=${module}`);
      const lines = this.#bundle.code.slice(node.start, node.end).split("\n").length;
      this.#replace(node, "\n".repeat(lines - 1));
    }
    if (needsMaker) declarations.unshift(`${this.#namespace}=${namespaceMaker}`);
    return declarations.length > 0 ? `const ${declarations.join(",")};` : "";
  }

  #returnNamespace(): void {
    for (const node of this.#found.exports) {
      const { local } = node.specifiers[0];
      const lines = this.#bundle.code.slice(node.start, node.end).split("\n").length;
      // The name itself stays: it may have an edit of its own.
      this.#replace({ start: node.start, end: local.start }, "return ");
      this.#replace({ start: local.end, end: node.end }, `;${"\n".repeat(lines - 1)}`);
    }
  }

  #replace({ start, end }: { start: number; end: number }, text: string): void {
    this.#edits.push({ start, end, text });
  }

  #placeOf(node: AnyNode): Place | undefined {
    const line = lineOf(this.#lines, node.start);
    return this.#map.place(line, node.start - this.#lines[line]);
  }

  #refuse(place: Place | undefined, what: string): FunctionError {
    const where = place === undefined
      ? portableName(this.#bundle.url)
      : `${portableName(place.file)}:${place.line}`;
    return new FunctionError(`${where} ${what}`);
  }

  #unused(name: string): string {
    let unused = name;
    while (this.#bundle.code.includes(unused)) unused += "$";
    return unused;
  }
}

/** The portable name of a module that the bundler names by its path from here. */
function nameOfModule(path: string): string {
  return portableName(path.startsWith("deno:") ? path.slice("deno:".length) : `file:///${path}`);
}

/** What the bundler makes of a folder's name. */
function identifierOf(folder: string): string {
  const words = folder.replace(/\.[^.]*$/, "").replace(/^[^A-Za-z]+/, "").match(/[A-Za-z0-9]+/g);
  return words?.join("_") ?? "_";
}

/** Whether a bundle refers to something by the path it has on this machine. */
function isFile(specifier: string): boolean {
  return /^(?:\.{0,2}[/\\]|[A-Za-z]:[/\\]|file:)/.test(specifier) || specifier.endsWith(".node");
}

/**
 * What to say of a name of Dusk's that tasks don't have.
 *
 * @param name What is imported of `mod.ts`.
 */
export function notInTasks(name: string): string {
  return `imports "${name}" of Dusk, which is not there in a task (what is there: ` +
    `${[...runtimeNames].join(", ")}); keep what needs it in another module`;
}
