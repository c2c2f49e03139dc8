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
interface ModuleCode {
  /** Where it was bundled from, for error messages. */
  url: string;
  /** An expression: a function of `$builtin` and `$meta` that returns the namespace. */
  source: string;
  /** Whether that function is async. */
  isAsync: boolean;
}

type Script = ($builtin: (name: string) => unknown, $meta: object) => unknown;

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

/** The modules of one thread. */
export class LinkedModules {
  readonly #host: ModuleHost;
  /** Modules that are there, by part or name of the built-in. */
  readonly #namespaces = new Map<string, Namespace>();
  readonly #loading = new Map<string, Promise<Namespace>>();
  readonly #urls = new Map<string, string>();
  #awaited: Promise<unknown> | undefined;

  /** @param host Where the code is. */
  constructor(host: ModuleHost) {
    this.#host = host;
  }

  /** The modules that are there, with their names. */
  get loaded(): ReadonlyMap<string, Namespace> {
    return this.#namespaces;
  }

  /** Drop a module. */
  forget(part: string): void {
    this.#namespaces.delete(part);
    this.#loading.delete(part);
    this.#urls.delete(part);
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
    const known = this.#namespaces.get(module);
    if (known !== undefined) return known;
    const loaded = this.#load(module);
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
      if (module !== undefined) return this.#namespaces.get(module) ?? await this.#load(module);
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

  #load(module: string): Namespace | Promise<Namespace> {
    let loading: Namespace | Promise<Namespace> | undefined = this.#loading.get(module);
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
    this.#host.loaded(module);
    return namespace;
  }

  #open(module: string): Namespace | Promise<Namespace> {
    if (module === RUNTIME) return this.#host.runtime;
    if (!/^m[0-9a-f]{32}$/.test(module)) return builtinNamespace(module);
    const { url, source, isAsync } = checkModule(module, this.#host.moduleCode(module));
    this.#urls.set(module, url);
    const script = evaluate(`(\n${source}\n)\n//# sourceURL=${moduleUrl(module)}`) as Script;
    if (typeof script !== "function") {
      throw new LinkError(`The code of module ${url} is not a function`);
    }
    const result = script((name) => this.#builtin(name), metaOf(url));
    const check = (result: unknown): Namespace => {
      if (typeof result === "object" && result !== null) return result as Namespace;
      throw new LinkError(`The code of module ${url} gives no exports`);
    };
    return isAsync ? Promise.resolve(result).then(check) : check(result);
  }

  /** What a bundle requires: what `module.exports` is there. */
  #builtin(name: string): unknown {
    return name === RUNTIME ? this.#host.runtime : builtinModule(name);
  }
}

function checkModule(part: string, code: unknown): ModuleCode {
  const { url, source, isAsync } = (typeof code === "object" ? code ?? {} : {}) as Record<
    string,
    unknown
  >;
  if (typeof url !== "string" || typeof source !== "string" || typeof isAsync !== "boolean") {
    throw new LinkError(`The code of module ${part} must decode to { url, source, isAsync }`);
  }
  return { url, source, isAsync };
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
