/**
 * Makes scripts of the files of a bundle: each is one expression, a function that gives what is used of
 * the file. A thread evaluates it where it could import nothing, and its text is the same on every machine.
 *
 * @module
 */
import { FunctionError } from "../../protocol/functions/function_error.ts";
import { RUNTIME } from "../../protocol/functions/linked_modules.ts";
import type { AnyNode } from "../../protocol/functions/parse.ts";
import { runtimeNames } from "../../protocol/functions/runtime_names.ts";
import { type Place, SourceMap } from "../../protocol/functions/source_map.ts";
import type { ReadFile } from "./bundle_file.ts";
import { BUNDLERS, helperCode } from "./bundle_helpers.ts";
import type { BundleLinks } from "./bundle_links.ts";
import type { BundleSyntax, NamedModule } from "./bundle_syntax.ts";
import { nameOfModule, packageFile, portableName } from "./module_names.ts";
import { unusedName } from "./portable_variables.ts";
import { applyEdits, type Edit, lineOf, lineStarts, withoutBlankStart } from "./text_edits.ts";

/** A file as code. */
export interface Script {
  /** `(function($builtin, $meta, $link) {…})`, or the same with `async function`. */
  source: string;
  isAsync: boolean;
  /** Source map v3 mappings of `source`. */
  mappings: string;
}

/** What `import * as name` gives of a built-in, whose exports are properties of one object. */
export const namespaceMaker =
  `m=>{const n={default:m};for(const k of Object.getOwnPropertyNames(m))` +
  `if(k!=="default")Object.defineProperty(n,k,{enumerable:true,get:()=>m[k]});return n;}`;
const IDENTIFIER = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u;

/** What a script gets from elsewhere. */
export interface Linkage {
  /** What `$link` calls the files that it needs, by file, in order. */
  readonly needs: ReadonlyMap<string, string>;
  /** What `$link` calls those that it imports when it comes to that. */
  readonly dynamic: ReadonlyMap<string, string>;
  /** Whether it, or anything that it needs, awaits something. */
  readonly isAsync: boolean;
}

/**
 * Make a script of a file.
 *
 * @param name The file.
 * @param links All files.
 * @param linkage What it gets from elsewhere.
 * @returns The script. Its hash depends on nothing but what the modules say.
 * @throws {FunctionError} When something in it cannot run on a worker.
 */
export function scriptOf(name: string, links: BundleLinks, linkage: Linkage): Script {
  return new ScriptMaker(links.file(name), links, linkage).make();
}

class ScriptMaker {
  readonly #file: ReadFile;
  readonly #code: string;
  readonly #found: BundleSyntax;
  readonly #links: BundleLinks;
  readonly #linkage: Linkage;
  readonly #map: SourceMap;
  readonly #lines: number[];
  readonly #dusk: ReadonlySet<string>;
  readonly #edits: Edit[] = [];
  readonly #builtin: string;
  readonly #meta: string;
  readonly #link: string;
  readonly #module: string;
  readonly #namespace: string;

  constructor(read: ReadFile, links: BundleLinks, linkage: Linkage) {
    const { file, syntax } = read;
    this.#file = read;
    this.#code = file.code;
    this.#found = syntax;
    this.#links = links;
    this.#linkage = linkage;
    this.#map = new SourceMap(file.sources, file.mappings);
    this.#lines = lineStarts(file.code);
    this.#dusk = new Set(links.bundle.dusk);
    this.#builtin = unusedName("$builtin", file.code);
    this.#meta = unusedName("$meta", file.code);
    this.#link = unusedName("$link", file.code);
    this.#module = unusedName("$module", file.code);
    this.#namespace = unusedName("$namespace", file.code);
  }

  make(): Script {
    this.#forgetPaths();
    this.#replaceMeta();
    this.#replaceRequires();
    this.#replaceDynamicImports();
    this.#replaceLinked();
    const { isAsync } = this.#linkage;
    const declarations = [...this.#declareNeeds(), ...this.#hoistImports()];
    const helpers = helperCode(this.#file, this.#links, this.#builtin);
    if (helpers !== undefined) declarations.push(helpers);
    for (const node of this.#file.removed) this.#blank(node);
    const changed = applyEdits(this.#file.file, this.#edits);
    const { code, mappings } = withoutBlankStart(changed);
    const head =
      `(${isAsync ? "async " : ""}function(${this.#builtin},${this.#meta},${this.#link})` +
      `{"use strict";${declarations.length > 0 ? `const ${declarations.join(",")};` : ""}`;
    const source = `${head}\n${code.trimEnd()}\n${this.#returned()}\n})`;
    return { source, isAsync, mappings: `;${mappings}` };
  }

  /** Take out what tells of this machine: comments with paths, names of files and of folders. */
  #forgetPaths(): void {
    for (const comment of this.#found.comments) {
      const { value, start, end } = comment;
      if (this.#isRemoved(comment) || !this.#file.isTitle(comment)) continue;
      this.#edits.push({ start, end, text: "" });
      if (value.endsWith(".wasm")) this.#refuseWebAssembly(nameOfModule(value.trim()));
    }
    for (const { node, name } of this.#found.moduleKeys) {
      this.#replace(node, JSON.stringify(nameOfModule(name)));
    }
    for (const [name, newName] of this.#links.renames(this.#file.name)) {
      for (const { node, isShorthand } of this.#found.fileVariables.get(name)!) {
        this.#replace(node, isShorthand ? `${name}:${newName}` : newName);
      }
    }
  }

  #replaceMeta(): void {
    const made = this.#found.requireMakers.filter((node) => !this.#isRemoved(node));
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
      if (isInMaker(node) || this.#isRemoved(node)) continue;
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
      const file = this.#links.dynamicFile(specifier);
      if (file !== undefined) {
        this.#replace(node, this.#dynamicImport(file));
      } else if (this.#dusk.has(specifier)) {
        this.#replace(node, `Promise.resolve(${this.#builtin}(${JSON.stringify(RUNTIME)}))`);
      } else if (isFile(specifier)) {
        this.#checkAddon(imported);
        const name = JSON.stringify(specifier.replace(/.*[/\\]/, ""));
        this.#replace(node, `Promise.reject(new TypeError("no module "+${name}))`);
      }
    }
  }

  #dynamicImport(file: string): string {
    const space = this.#links.dynamicSpace(file);
    const name = this.#linkage.dynamic.get(space?.file.name ?? file)!;
    const module = `${this.#link}(${JSON.stringify(name)})`;
    const member = space && this.#links.memberOf(space);
    // What goes wrong is the promise's.
    return `(async()=>${member === undefined ? module : `(await ${module}).${member}`})()`;
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

  /** What is imported of another file is a property of what that gives, so that it is always as it is there. */
  #replaceLinked(): void {
    for (const [local, uses] of this.#found.uses) {
      const text = this.#textOf(local);
      if (text === undefined) continue;
      const isMember = text.includes(".") || text.includes("[");
      for (const { node, isShorthand, isCallee } of uses) {
        const value = isCallee && isMember ? `(0,${text})` : text;
        this.#replace(node, isShorthand ? `${local}:${value}` : value);
      }
    }
  }

  /** What stands for an imported variable; undefined: it is a helper. */
  #textOf(local: string): string | undefined {
    const declared = this.#links.declared(this.#file, local);
    if (declared.file.helpers.has(declared.local)) return undefined;
    const module = this.#moduleOf(declared.file.name);
    const member = this.#links.memberOf(declared);
    if (member === undefined) return module;
    return IDENTIFIER.test(member) ? `${module}.${member}` : `${module}[${JSON.stringify(member)}]`;
  }

  #moduleOf(file: string): string {
    return this.#module + [...this.#linkage.needs.keys()].indexOf(file);
  }

  /**
   * @returns Declarations of the files that have to be there. A CommonJS module runs when it is required:
   * that is now, since an import of it stands among others whose order counts.
   */
  #declareNeeds(): string[] {
    const { needs, isAsync } = this.#linkage;
    const required = [...this.#file.required].map((local) => ({
      text: this.#textOf(local)!,
      file: this.#links.declared(this.#file, local).file.name,
    }));
    return [...needs].flatMap(([file, name]) => {
      const module = this.#moduleOf(file);
      const load = `${isAsync ? "await " : ""}${this.#link}(${JSON.stringify(name)})`;
      const now = required.filter((one) => one.file === file)
        .map(({ text }, i) => `${module}_${i}=(0,${text})()`);
      return [`${module}=${load}`, ...now];
    });
  }

  /** @returns Declarations of what was imported. Imports come first, wherever they stand. */
  #hoistImports(): string[] {
    const declarations: string[] = [];
    let needsMaker = false;
    for (const node of this.#found.imports) {
      if (this.#file.removed.includes(node)) continue;
      const specifier = String(node.source.value);
      const isDusk = this.#dusk.has(specifier);
      if (!isDusk && !specifier.startsWith("node:")) throw this.#refuseModule(node, specifier);
      const module = `${this.#builtin}(${JSON.stringify(isDusk ? RUNTIME : specifier)})`;
      const names: string[] = [];
      for (const imported of node.specifiers) {
        const local = imported.local.name;
        // The bundler's own, for a helper that is another one here.
        if (BUNDLERS.test(local)) continue;
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
      this.#blank(node);
    }
    if (needsMaker) declarations.unshift(`${this.#namespace}=${namespaceMaker}`);
    return declarations;
  }

  /** The statement at the end. */
  #returned(): string {
    const result = this.#links.result(this.#file.name);
    if (result.kind === "space") return `return ${this.#nameOf(result.local)};`;
    const properties = result.kind === "variables"
      ? result.locals.map((local) => [this.#nameOf(local), this.#nameOf(local)])
      : [...this.#file.exports].map(([name, local]) => [JSON.stringify(name), this.#nameOf(local)]);
    return `return {${
      properties.map(([name, value]) => `get ${name}(){return ${value}}`).join(",")
    }};`;
  }

  #nameOf(local: string): string {
    if (this.#file.imported.has(local)) return this.#textOf(local) ?? local;
    return this.#links.renames(this.#file.name).get(local) ?? local;
  }

  #refuseWebAssembly(name: string): never {
    const { bundle } = this.#links;
    const url = this.#file.file.sources.find((source) => portableName(source) === name);
    const [importer] =
      Object.entries(bundle.imports).find(([, urls]) => urls.includes(url ?? "")) ??
        [this.#links.moduleIn(this.#file.name) ?? url ?? ""];
    throw new FunctionError(
      `${portableName(importer)} imports the WebAssembly module ${name}, which deno bundle gets ` +
        `wrong; read its bytes here, and instantiate them in the task`,
    );
  }

  #isRemoved({ start, end }: { start: number; end: number }): boolean {
    return this.#file.removed.some((node) => node.start <= start && end <= node.end);
  }

  /** Lines stay where they are. */
  #blank({ start, end }: { start: number; end: number }): void {
    const lines = this.#code.slice(start, end).split("\n").length;
    this.#edits.push({ start, end, text: "\n".repeat(lines - 1) });
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
      ? portableName(this.#file.file.sources.at(-1) ?? "")
      : `${portableName(place.file)}:${place.line}`;
    return new FunctionError(`${where} ${what}`);
  }
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
function notInTasks(name: string): string {
  return `imports "${name}" of Dusk, which is not there in a task (what is there: ` +
    `${[...runtimeNames].join(", ")}); keep what needs it in another module`;
}
