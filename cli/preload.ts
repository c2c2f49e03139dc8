/**
 * `--preload`: modules of the operator, imported before the program makes any connection. The
 * `duskSetup(service)` of each is called with the scheduler or worker before that starts, and its
 * `duskTeardown(service)` as it stops.
 *
 * @module
 */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ProgramError } from "./command_line.ts";

/** Largest module that is fetched by a compiled program, in characters. */
const LARGEST_MODULE = 20_000_000;

/** What a preloaded module may export. */
interface PreloadModule {
  duskSetup?(service: unknown): unknown;
  duskTeardown?(service: unknown): unknown;
}

/** The modules that were preloaded, in their order. */
export class Preloads {
  readonly #modules: [name: string, module: PreloadModule][];

  private constructor(modules: [string, PreloadModule][]) {
    this.#modules = modules;
  }

  /**
   * Import the modules, one after the other.
   *
   * @param names Files or URLs; a file's path counts from the working folder.
   * @throws {ProgramError} When one cannot be imported, or exports something else under the two names.
   */
  static async load(names: readonly string[]): Promise<Preloads> {
    const modules: [string, PreloadModule][] = [];
    for (const name of names) {
      const url = await importable(name);
      let module: PreloadModule;
      try {
        module = await import(url);
      } catch (error) {
        throw new ProgramError(`cannot preload ${name}: ${words(error)}`, { cause: error });
      }
      for (const hook of ["duskSetup", "duskTeardown"] as const) {
        if (hook in module && typeof module[hook] !== "function") {
          throw new ProgramError(`cannot preload ${name}: its ${hook} must be a function`);
        }
      }
      modules.push([name, module]);
    }
    return new Preloads(modules);
  }

  /**
   * Call each module's `duskSetup`, in order.
   *
   * @param service The scheduler or worker, which has not started.
   * @throws {ProgramError} When one fails.
   */
  async setup(service: unknown): Promise<void> {
    for (const [name, module] of this.#modules) {
      try {
        await module.duskSetup?.(service);
      } catch (error) {
        throw new ProgramError(`duskSetup of ${name} failed: ${words(error)}`, { cause: error });
      }
    }
  }

  /**
   * Call each module's `duskTeardown`, the last module's first. All are called, even if one fails.
   *
   * @param service The scheduler or worker, which still runs.
   * @throws {ProgramError} When one failed: the first that did.
   */
  async teardown(service: unknown): Promise<void> {
    let failure: ProgramError | undefined;
    for (const [name, module] of this.#modules.toReversed()) {
      try {
        await module.duskTeardown?.(service);
      } catch (error) {
        failure ??= new ProgramError(`duskTeardown of ${name} failed: ${words(error)}`, {
          cause: error,
        });
      }
    }
    if (failure !== undefined) throw failure;
  }
}

/** The URL by which this program can import a module. */
async function importable(name: string): Promise<string> {
  const url = isUrl(name) ? new URL(name) : pathToFileURL(resolve(name));
  if (!Deno.build.standalone) return url.href;
  if (/\.[cm]?tsx?$|\.jsx$/i.test(url.pathname)) {
    throw new ProgramError(
      `cannot preload ${name}: a compiled program imports JavaScript only; make it with: ` +
        `deno bundle ${name} -o ${name.replace(/^.*[\\/]/, "").replace(/\.\w+$/, ".js")}`,
    );
  }
  return url.protocol === "http:" || url.protocol === "https:" ? await fetched(url) : url.href;
}

/** A module of the net as a `data:` URL, since a compiled program imports nothing from there. */
async function fetched(url: URL): Promise<string> {
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`the server answers ${response.status}`);
    const source = await response.text();
    if (source.length > LARGEST_MODULE) throw new Error("it is too large");
    return `data:text/javascript,${encodeURIComponent(source)}`;
  } catch (error) {
    throw new ProgramError(`cannot preload ${url.href}: ${words(error)}`, { cause: error });
  }
}

/** A drive such as `C:` is no scheme. */
function isUrl(name: string): boolean {
  return /^[a-z][a-z0-9+.-]+:/i.test(name);
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
