/**
 * The modules that code imports: scripts that came as parts are evaluated once, built-ins are looked
 * up. A module that awaits at its top level is there only later; whoever needs it at once is told so.
 *
 * @module
 */
import { LinkError } from "../task_failures.ts";
import { moduleUrl } from "./code_places.ts";
import type { ImportFunction } from "./compile_definition.ts";

/** What a module exports, by name. */
export type Namespace = Readonly<Record<string, unknown>>;

/** What the code of a module's part decodes to. */
type ModuleCode = ScriptCode | GroupCode | MemberCode;

/** A module by itself, or as a member of a group. */
interface ScriptCode {
  /** Where it was bundled from, for error messages. */
  url: string;
  /**
   * An expression: a function of `$builtin`, `$meta` and `$link` that returns the namespace. `$link` gives
   * another module by the name of its part, or, in a group, by "#" and its number; a promise of it where
   * that module awaits something.
   */
  source: string;
  /** Whether that function is async. */
  isAsync: boolean;
}

/** Modules that need each other. */
interface GroupCode {
  url: string;
  /** Parts with their scripts. */
  members: readonly string[];
}

/** One module of a group. */
interface MemberCode {
  url: string;
  /** Part of the group. */
  group: string;
  /** Number in it. */
  member: number;
}

type Link = (name: string) => Namespace | Promise<Namespace>;
type Script = ($builtin: (name: string) => unknown, $meta: object, $link: Link) => unknown;

/** What modules need of the linker. */
export interface ModuleHost {
  /** What "dusk:" stands for. */
  readonly runtime: Namespace;
  /** The decoded code of a module's part. @throws {LinkError} When it is not here. */
  moduleCode(part: string): unknown;
  /** A module is there: its code is not asked for again. */
  loaded(part: string): void;
  /** Name of the part of an uploaded module. */
  uploaded(name: string): string | undefined;
}

/** The name of Dusk itself, which in a task is the part of it that runs there. */
export const RUNTIME = "dusk:";

const evaluate = eval;
const { hasOwn, defineProperty } = Object;
/** Specifiers of modules that would have to be fetched. */
const REMOTE = /^(?:npm|jsr|https?):/;
const PART = /^m[0-9a-f]{32}$/;
/** A member of a group. */
const MEMBER = /^(m[0-9a-f]{32})#(\d+)$/;

/** The modules of one thread. */
export class LinkedModules {
  readonly #host: ModuleHost;
  /** Modules that are there, by part or name of the built-in. */
  readonly #namespaces = new Map<string, Namespace>();
  /** Those of them that code has imported by their own names. */
  readonly #imported = new Map<string, Namespace>();
  readonly #loading = new Map<string, Promise<Namespace>>();
  readonly #urls = new Map<string, string>();
  #awaited: Promise<unknown> | undefined;

  /** @param host Where the code is. */
  constructor(host: ModuleHost) {
    this.#host = host;
  }

  /** The modules that functions have imported, with their names. What only those import is not among them. */
  get imported(): ReadonlyMap<string, Namespace> {
    return this.#imported;
  }

  /** Drop a module. */
  forget(part: string): void {
    this.#imported.delete(part);
    this.#drop(part);
    for (let i = 0, name = `${part}#0`; this.#urls.has(name); name = `${part}#${++i}`) {
      this.#drop(name);
    }
  }

  #drop(module: string): void {
    this.#namespaces.delete(module);
    this.#loading.delete(module);
    this.#urls.delete(module);
  }

  /**
   * After an error: resolves when the module is there for want of which {@linkcode namespace} threw it,
   * and rejects with what that module threw. Undefined if that was not the reason. Asking forgets it.
   */
  takeAwaited(): Promise<unknown> | undefined {
    const awaited = this.#awaited;
    this.#awaited = undefined;
    return awaited;
  }

  /**
   * What a module exports, at once.
   *
   * @param module Part or built-in.
   * @throws {LinkError} When it is not to be had, or not yet: see {@linkcode takeAwaited}.
   * @throws What the module throws.
   */
  namespace(module: string): Namespace {
    const known = this.#imported.get(module);
    if (known !== undefined) return known;
    const loaded = this.#import(module);
    if (!(loaded instanceof Promise)) return loaded;
    this.#awaited = loaded;
    throw new LinkError(`The module ${module} awaits something, and is not there yet`);
  }

  /** One export of a module; "*" is all of them. @throws As {@linkcode namespace} does. */
  binding(module: string, name: string): unknown {
    const namespace = this.namespace(module);
    if (name === "*") return namespace;
    if (!(name in namespace)) {
      throw new LinkError(
        module === RUNTIME
          ? `Dusk has no export named '${name}' in a task`
          : `The module ${this.#urls.get(module) ?? module} has no export named '${name}'`,
      );
    }
    return namespace[name];
  }

  /**
   * What `import(…)` does in a function's text.
   *
   * @param table The modules of literal specifiers.
   */
  importer(table: Readonly<Record<string, string>> | undefined): ImportFunction {
    return async (specifier, options) => {
      const name = String(specifier);
      const module = table !== undefined && hasOwn(table, name)
        ? table[name]
        : this.#host.uploaded(name.startsWith("./") ? name.slice(2) : name);
      if (module !== undefined) return await this.#import(module);
      if (/^\.\.?\//.test(name)) {
        throw new TypeError(
          `Cannot import '${name}' in a task: workers do not have the files of your program; ` +
            `write the specifier as a literal, or send the file with client.uploadFile`,
        );
      }
      try {
        return await (options === undefined ? import(name) : import(name, options));
      } catch (error) {
        if (!REMOTE.test(name)) throw error;
        throw new TypeError(
          `Cannot import '${name}' in a task: ${error instanceof Error ? error.message : error}; ` +
            `with a literal specifier, the module is sent along with the function`,
          { cause: error },
        );
      }
    };
  }

  /** Load a module for a function. */
  #import(module: string): Namespace | Promise<Namespace> {
    const loaded = this.#load(module);
    const add = (namespace: Namespace) => {
      // It may have been forgotten while it was awaited.
      if (this.#namespaces.get(module) === namespace) this.#imported.set(module, namespace);
      return namespace;
    };
    if (!(loaded instanceof Promise)) return add(loaded);
    const imported = loaded.then(add);
    imported.catch(() => {}); // Whoever waits for it gets the error.
    return imported;
  }

  #load(module: string): Namespace | Promise<Namespace> {
    let loading: Namespace | Promise<Namespace> | undefined = this.#namespaces.get(module) ??
      this.#loading.get(module);
    if (loading !== undefined) return loading;
    loading = this.#open(module);
    if (!(loading instanceof Promise)) return this.#opened(module, loading);
    this.#loading.set(module, loading);
    const isCurrent = () => this.#loading.get(module) === loading;
    loading.then((namespace) => {
      if (!isCurrent()) return;
      this.#loading.delete(module);
      this.#opened(module, namespace);
    }, () => {
      // Whoever waits for it gets the error. The next one tries anew.
      if (isCurrent()) this.#loading.delete(module);
    });
    return loading;
  }

  #opened(module: string, namespace: Namespace): Namespace {
    this.#namespaces.set(module, namespace);
    // The script of a member may be wanted by another group.
    if (!MEMBER.test(module)) this.#host.loaded(module);
    return namespace;
  }

  #open(module: string): Namespace | Promise<Namespace> {
    if (module === RUNTIME) return this.#host.runtime;
    const [, group, member] = MEMBER.exec(module) ?? [];
    if (group !== undefined) return this.#openMember(group, Number(member));
    if (!PART.test(module)) return builtinNamespace(module);
    const code = checkModule(module, this.#host.moduleCode(module));
    this.#urls.set(module, code.url);
    if ("group" in code) return this.#load(`${code.group}#${code.member}`);
    if ("members" in code) throw new LinkError(`The module ${code.url} is a group of modules`);
    return this.#run(module, code, module, undefined);
  }

  #openMember(group: string, member: number): Namespace | Promise<Namespace> {
    const { url, members = [] } = checkModule(group, this.#host.moduleCode(group)) as GroupCode;
    const part = members[member];
    if (part === undefined) throw new LinkError(`The group ${url} has no module ${member}`);
    const code = checkModule(part, this.#host.moduleCode(part));
    if (!("source" in code)) throw new LinkError(`The module ${url} in a group is no script`);
    // All are known by name, so that all are forgotten with the group.
    for (const i of members.keys()) this.#urls.set(`${group}#${i}`, url);
    return this.#run(`${group}#${member}`, code, part, group);
  }

  #run(
    module: string,
    { url, source, isAsync }: ScriptCode,
    part: string,
    group: string | undefined,
  ): Namespace | Promise<Namespace> {
    const script = evaluate(`(\n${source}\n)\n//# sourceURL=${moduleUrl(part)}`) as Script;
    if (typeof script !== "function") {
      throw new LinkError(`The code of module ${url} is not a function`);
    }
    const link = (name: string) => this.#link(name, module, group);
    const result = script((name) => this.#builtin(name), metaOf(url), link);
    const check = (result: unknown): Namespace => {
      if (typeof result === "object" && result !== null) return result as Namespace;
      throw new LinkError(`The code of module ${url} gives no exports`);
    };
    return isAsync ? Promise.resolve(result).then(check) : check(result);
  }

  /** What a module imports of the modules that came with it. */
  #link(name: string, importer: string, group: string | undefined): ReturnType<Link> {
    if (PART.test(name)) return this.#load(name);
    if (group !== undefined && name.startsWith("#")) return this.#load(group + name);
    throw new LinkError(
      `The module ${this.#urls.get(importer)} imports '${name}', which is no part`,
    );
  }

  /** What a bundle requires: what `module.exports` is there. */
  #builtin(name: string): unknown {
    return name === RUNTIME ? this.#host.runtime : builtinModule(name);
  }
}

function checkModule(part: string, code: unknown): ModuleCode {
  const fields = (typeof code === "object" ? code ?? {} : {}) as Record<string, unknown>;
  const { url, source, isAsync, members, group, member } = fields;
  const isScript = typeof source === "string" && typeof isAsync === "boolean";
  const isGroup = Array.isArray(members) && members.every(isPart);
  const isMember = isPart(group) && typeof member === "number";
  if (typeof url === "string" && (isScript || isGroup || isMember)) {
    return fields as unknown as ModuleCode;
  }
  throw new LinkError(`The code of module ${part} must decode to { url, source, isAsync }`);
}

function isPart(name: unknown): boolean {
  return typeof name === "string" && PART.test(name);
}

let getBuiltin: ((name: string) => object | undefined) | undefined;

/** A module of the runtime's own; needs no permission, in compiled programs too. */
function builtinModule(name: string): object {
  getBuiltin ??= process.getBuiltinModule as (name: string) => object | undefined;
  const module = getBuiltin(name);
  if (module === undefined) throw new LinkError(`There is no built-in module '${name}'`);
  return module;
}

/** A built-in as `import * as` shows it: with a default export. */
function builtinNamespace(name: string): Namespace {
  const module = builtinModule(name);
  const namespace = Object.create(null);
  for (const key of Object.keys(module)) {
    // Some are deprecated, and say so when they are looked at.
    defineProperty(namespace, key, { get: () => Reflect.get(module, key), enumerable: true });
  }
  defineProperty(namespace, "default", { value: module, enumerable: true });
  defineProperty(namespace, Symbol.toStringTag, { value: "Module" });
  return Object.freeze(namespace);
}

/** What stands for `import.meta`: a module that was sent has no place of its own. */
function metaOf(url: string): object {
  const refuse = (name: string) => () => {
    throw new TypeError(
      `import.meta.${name} means nothing in a task: ${url} was sent as text, without the files beside it`,
    );
  };
  const meta = Object.create(null);
  for (const name of ["url", "filename", "dirname", "resolve"]) {
    defineProperty(meta, name, { get: refuse(name), enumerable: true });
  }
  return defineProperty(meta, "main", { value: false, enumerable: true });
}
