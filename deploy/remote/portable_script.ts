/**
 * Makes one self-contained JavaScript of a script and all that it imports, but for Dusk, which is taken
 * where the script runs: so both sides speak the same version, and little is sent.
 *
 * @module
 */
import { basename, dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseScript } from "../../protocol/functions/parse.ts";
import { mainQuestions, syntaxImports } from "./script_imports.ts";
import { checkSize, type PortableScript } from "./messages.ts";
import { namesOfDusk, type ScriptGraph } from "./names_of_dusk.ts";
import { ScriptError } from "./script_error.ts";
import { NoDenoError, runDeno } from "./run_deno.ts";

/** What is used of a source map. */
interface SourceMapJson {
  version: number;
  sources: string[];
  sourcesContent?: (string | null)[];
  mappings: string;
}

/** Most characters of what `deno` says that are told. */
const MAX_WORDS = 2000;

/**
 * Make a script portable.
 *
 * @param path The script: a path or `file:` URL.
 * @param signal Gives up.
 * @throws {ScriptError} When it cannot be sent, with the reason.
 */
export async function portableScript(
  path: string | URL,
  signal?: AbortSignal,
): Promise<PortableScript> {
  const isUrl = path instanceof URL || path.startsWith("file:");
  const file = resolve(isUrl ? fileURLToPath(path) : path);
  let text: string;
  try {
    text = await Deno.readTextFile(file);
  } catch (error) {
    throw new ScriptError(`cannot read the script ${file}: ${(error as Error).message}`, {
      cause: error,
    });
  }
  const name = basename(file);
  let script: PortableScript;
  try {
    script = await bundle(file, name, signal);
  } catch (error) {
    if (!(error instanceof NoDenoError)) throw error;
    // What is JavaScript already, and in one file, needs no bundler.
    if (!/\.m?js$/.test(name)) throw new ScriptError(`${name}: ${error.message}`, { cause: error });
    script = cut(text, name, isDuskByName, error.message);
  }
  checkSize(script);
  return script;
}

async function bundle(
  file: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<PortableScript> {
  const folder = dirname(file);
  // Nothing of it runs here, so it may be fetched from anywhere.
  const flags = ["--quiet", "--allow-import"];
  const info = await runDeno(["info", "--json", "--allow-import", file], folder, signal);
  if (!info.success) throw unbundled(name, info.stderr);
  const graph: ScriptGraph = JSON.parse(info.stdout);
  const dusk = namesOfDusk(graph);
  const out = await Deno.makeTempDir({ prefix: "dusk-submit-" });
  try {
    const made = await runDeno(
      [
        "bundle",
        ...flags,
        "--platform=deno",
        "--format=esm",
        "--sourcemap=external",
        ...dusk.externals.map((specifier) => `--external=${specifier}`),
        `--output=${out}/script.js`,
        file,
      ],
      folder,
      signal,
    );
    if (!made.success) throw unbundled(name, made.stderr);
    const code = await Deno.readTextFile(`${out}/script.js`);
    const map: SourceMapJson = JSON.parse(await Deno.readTextFile(`${out}/script.js.map`));
    const base = pathToFileURL(`${await Deno.realPath(out)}/script.js`);
    const isDusk = (specifier: string) => dusk.isDusk(specifier, base);
    const script = cut(code, name, isDusk, "it is left out of the bundle");
    const sourceMap = new TextEncoder().encode(JSON.stringify(portableMap(map, base)));
    return { ...script, sourceMap };
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

/** Sources by their URLs, with texts of the user's own: those of packages are long, and can be looked up. */
function portableMap({ version, sources, sourcesContent, mappings }: SourceMapJson, base: URL) {
  const urls = sources.map((source) => new URL(source, base).href);
  const isOwn = (url: string) => url.startsWith("file:") && !/\/npm\/|\/node_modules\//.test(url);
  return {
    version,
    sources: urls,
    sourcesContent: urls.map((url, i) => isOwn(url) ? sourcesContent?.[i] ?? null : null),
    names: [],
    mappings,
  };
}

/** Cut a script where it names Dusk. */
function cut(
  code: string,
  name: string,
  isDusk: (specifier: string) => boolean,
  why: string,
): PortableScript {
  // A first line for the shell is none of JavaScript's.
  let text = code.replace(/^#!/, "//");
  let program;
  try {
    program = parseScript(text, true);
  } catch (error) {
    throw new ScriptError(`${name} is no JavaScript module: ${(error as Error).message}`);
  }
  // It is the main module, though the program that imports it may not know. No column is moved.
  for (const { start, end } of mainQuestions(program)) {
    text = text.slice(0, start) + "true".padEnd(end - start) + text.slice(end);
  }
  const pieces: Uint8Array[] = [];
  const encoder = new TextEncoder();
  let start = 0;
  for (const { specifier, node } of syntaxImports(program)) {
    if (isDusk(specifier)) {
      pieces.push(encoder.encode(text.slice(start, node.start)));
      start = node.end;
    } else if (!specifier.startsWith("node:")) {
      throw new ScriptError(
        `${name} imports ${JSON.stringify(specifier)}, which cannot be sent along: ${why}`,
      );
    }
  }
  pieces.push(encoder.encode(text.slice(start)));
  return { name, pieces, sourceMap: new Uint8Array(0) };
}

/** Whether an import of plain JavaScript means Dusk, going by its name alone. */
function isDuskByName(specifier: string): boolean {
  return /^(?:jsr:)?\/?@dusk\/dusk(?:@[^/]*)?$/.test(specifier) ||
    /(?:^|\/)mod\.ts(?:[?#].*)?$/.test(specifier);
}

function unbundled(name: string, stderr: string): ScriptError {
  const said = stderr.replace(/^error: /, "").replace(/\s*\n\s*/g, " ").trim().slice(0, MAX_WORDS);
  return new ScriptError(
    `${name} cannot be bundled: ${said || "deno bundle failed"}; see whether ` +
      `"deno bundle ${name}" takes it`,
  );
}
