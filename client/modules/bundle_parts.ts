/**
 * Makes parts of a bundle: one of each file, named by what the modules in it say and by the parts that it
 * imports. Files that import each other, which only `import()` can bring about, are a group of parts.
 *
 * @module
 */
import type { CodePart } from "../../protocol/messages.ts";
import { tokenize } from "../../protocol/tokenize.ts";
import { serialize } from "../../protocol/values.ts";
import type { Bundle } from "./bundle_order.ts";
import { BundleLinks, type Declared } from "./bundle_links.ts";
import { MODULE } from "./bundle_file.ts";
import { namespaceMaker, type Script, scriptOf } from "./bundle_script.ts";
import { innerModule } from "./inner_module.ts";
import { packageFile, portableName, portableNames } from "./module_names.ts";

/** A part with its name. */
interface Named {
  readonly name: string;
  readonly isAsync: boolean;
}

/** The parts of one bundle, made when they are asked for. */
export class BundleParts {
  readonly links: BundleLinks;
  readonly #parts: Map<string, CodePart>;
  readonly #names: (url: string) => string;
  readonly #made = new Map<string, Named>();
  readonly #modules = new Map<string, string>();
  readonly #isAsync = new Map<string, boolean>();

  /** @param bundle What the bundler made. @param parts All parts, by name: those that are made are added. */
  constructor(bundle: Bundle, parts: Map<string, CodePart>) {
    this.links = new BundleLinks(bundle);
    this.#parts = parts;
    this.#names = portableNames([...new Set([...bundle.modules, ...Object.keys(bundle.entries)])]);
  }

  /** The part of a module. @param key One of the bundle's entries. @throws {FunctionError} When it cannot travel. */
  module(key: string): string {
    let name = this.#modules.get(key);
    if (name === undefined) {
      const { file } = this.links.bundle.entries[key];
      const begin = this.links.file(file);
      const space = this.links.declared(begin, begin.exports.get(MODULE)!);
      this.#modules.set(key, name = this.#spacePart(space));
    }
    return name;
  }

  /**
   * The part of a module inside of a package that the program imports.
   *
   * @param url URL of the module.
   * @returns Undefined if the bundle does not have it.
   */
  inner(url: string): string | undefined {
    let name = this.#modules.get(url);
    if (name !== undefined) return name;
    const module = innerModule(url, this.links);
    if (module === undefined) return undefined;
    const needs: Named[] = [];
    const variable = (declared: Declared) => {
      const part = this.#part(declared.file.name);
      let i = needs.findIndex(({ name }) => name === part.name);
      if (i < 0) i = needs.push(part) - 1;
      return `$module${i}.${this.links.memberOf(declared)}`;
    };
    const space = this.links.spaceOf(url);
    if (space !== undefined) return this.#spacePart(space);
    const { exports, begin } = module;
    const all = [..."local" in exports ? [exports] : exports.values(), ...begin ? [begin] : []];
    if (all.some(({ file }) => this.links.result(file.name).kind !== "variables")) return undefined;
    const begins = begin === undefined ? "" : `${variable(begin)}();`;
    const given = "local" in exports
      ? `(${namespaceMaker})(${variable(exports)}())`
      : `{${
        [...exports].map(([name, declared]) =>
          `get ${JSON.stringify(name)}(){return ${variable(declared)}}`
        ).join(",")
      }}`;
    const isAsync = needs.some((need) => need.isAsync);
    const links = needs.map(({ name }, i) =>
      `const $module${i}=${isAsync ? "await " : ""}$link(${JSON.stringify(name)});`
    );
    const source = `(${isAsync ? "async " : ""}function($builtin,$meta,$link){"use strict";` +
      `${links.join("")}${begins}\nreturn ${given};\n})`;
    const code = { url: portableName(url), source, isAsync };
    name = this.#add(code, needs.map((need) => need.name), undefined);
    this.#modules.set(url, name);
    return name;
  }

  /** URLs of all modules that a module comes with. */
  sourcesOf(key: string): string[] {
    const { entries, files } = this.links.bundle;
    return [...this.links.reached(entries[key].file)].flatMap((file) => files[file].sources);
  }

  /** The part that gives a namespace. */
  #spacePart(space: Declared): string {
    const { name, isAsync } = this.#part(space.file.name);
    const member = this.links.memberOf(space);
    if (member === undefined) return name;
    const { url } = this.#origin(space.file.name);
    const load = `${isAsync ? "await " : ""}$link(${JSON.stringify(name)})`;
    const source = `(${isAsync ? "async " : ""}function($builtin,$meta,$link){"use strict";` +
      `return (${load}).${member};})`;
    const { spaces, open } = space.file;
    const names = open.has(space.local) ? undefined : spaces.get(space.local)?.values();
    const exports = names && { exports: [...names] };
    return this.#add({ url, source, isAsync, ...exports }, [name], undefined);
  }

  #next(file: string): readonly string[] {
    return [...this.links.needs(file), ...this.links.dynamic(file)];
  }

  #part(file: string): Named {
    if (!this.#made.has(file)) {
      for (const group of this.#groups(file)) this.#make(group);
    }
    return this.#made.get(file)!;
  }

  /** What is not made yet of a file and all that it leads to, in groups that import each other, innermost first. */
  #groups(root: string): string[][] {
    const groups: string[][] = [];
    const numbers = new Map<string, number>();
    const lowest = new Map<string, number>();
    const open: string[] = [];
    const path: { file: string; next: readonly string[]; at: number }[] = [];
    const enter = (file: string) => {
      numbers.set(file, numbers.size);
      lowest.set(file, numbers.get(file)!);
      open.push(file);
      path.push({ file, next: this.#next(file), at: 0 });
    };
    const lower = (file: string, to: number) => lowest.set(file, Math.min(lowest.get(file)!, to));
    enter(root);
    while (path.length > 0) {
      const current = path[path.length - 1];
      const to = current.next[current.at++];
      if (to !== undefined) {
        if (this.#made.has(to)) continue;
        if (!numbers.has(to)) enter(to);
        else if (open.includes(to)) lower(current.file, numbers.get(to)!);
        continue;
      }
      path.pop();
      const { file } = current;
      if (path.length > 0) lower(path[path.length - 1].file, lowest.get(file)!);
      if (lowest.get(file) === numbers.get(file)) groups.push(open.splice(open.indexOf(file)));
    }
    return groups;
  }

  #make(group: readonly string[]): void {
    const [file] = group;
    if (group.length === 1 && !this.#next(file).includes(file)) {
      this.#made.set(file, { name: this.#addScript(file, []), isAsync: this.#awaits(file) });
      return;
    }
    // The same order on every machine.
    const texts = new Map(group.map((file): [string, string] => {
      const { url, source } = this.#script(
        file,
        (other) => group.includes(other) ? "#" : undefined,
      );
      return [file, `${url}\n${source}`];
    }));
    const sorted = group.toSorted((a, b) => texts.get(a)! < texts.get(b)! ? -1 : 1);
    const members = sorted.map((file) => this.#addScript(file, sorted));
    const { url } = this.#origin(sorted[0]);
    const name = this.#add({ url, members }, members, undefined);
    for (const [member, file] of sorted.entries()) {
      const { url } = this.#origin(file);
      const part = this.#add({ url, group: name, member }, [name], undefined);
      this.#made.set(file, { name: part, isAsync: this.#awaits(file) });
    }
  }

  /** The part with the script of a file. */
  #addScript(file: string, group: readonly string[]): string {
    const needs = new Set<string>();
    const code = this.#script(file, (other) => {
      const member = group.indexOf(other);
      if (member >= 0) return `#${member}`;
      needs.add(this.#made.get(other)!.name);
      return undefined;
    });
    const { url, source, isAsync, mappings } = code;
    const { sources } = this.#origin(file);
    return this.#add({ url, source, isAsync }, [...needs], { sources, mappings });
  }

  /** The script of a file. @param member What its group calls a file; undefined for those outside. */
  #script(
    file: string,
    member: (file: string) => string | undefined,
  ): Script & { url: string } {
    const names = (files: readonly string[]) =>
      new Map(files.map((other) => [other, member(other) ?? this.#made.get(other)!.name]));
    const needs = names(this.links.needs(file));
    const dynamic = names(this.links.dynamic(file));
    const isAsync = this.#awaits(file);
    const script = scriptOf(file, this.links, { needs, dynamic, isAsync });
    return { ...script, url: this.#origin(file).url };
  }

  /** Whether a file, or what it needs, awaits something when it is loaded. */
  #awaits(file: string): boolean {
    let isAsync = this.#isAsync.get(file);
    if (isAsync === undefined) {
      isAsync = [...this.links.reached(file)].some((one) => this.links.file(one).syntax.isAsync);
      this.#isAsync.set(file, isAsync);
    }
    return isAsync;
  }

  #origin(file: string): { url: string; sources: string[] } {
    const { sources } = this.links.bundle.files[file];
    const own = sources.filter((source) => source !== "");
    const url = this.links.moduleIn(file) ?? own.at(-1);
    const [need] = this.links.needs(file);
    return {
      // A file may only stand for a CommonJS module that is in another one.
      url: url === undefined && need !== undefined
        ? this.#origin(need).url
        : this.#names(url ?? ""),
      sources: sources.map((url) => packageFile(url) === undefined ? url : this.#names(url)),
    };
  }

  #add(code: object, needs: readonly string[], origin: object | undefined): string {
    const serialized = serialize(code);
    const name = `m${tokenize(serialized)}`;
    if (!this.#parts.has(name)) {
      this.#parts.set(name, {
        code: serialized,
        ...needs.length > 0 && { needs: [...needs] },
        ...origin !== undefined && { origin: serialize(origin) },
      });
    }
    return name;
  }
}
