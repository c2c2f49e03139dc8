/**
 * Runs `deno bundle`, and says in plain words why it did not work.
 *
 * @module
 */
import { FunctionError } from "../../protocol/functions/function_error.ts";
import { fileURLToPath } from "node:url";
import { type BundleAnswer, type BundleOrder, bundleProgram } from "./bundle_order.ts";

/** Most bytes of one bundle. */
const MAX_BYTES = 64 * 2 ** 20;
/** Longest specifier, such as a `data:` URL: it is an argument of a process. */
const MAX_SPECIFIER = 16_000;
/** Most seconds for one bundle: packages may have to be fetched. */
const MAX_SECONDS = 300;

/** What is to be bundled. */
export interface BundleRequest {
  /** URLs, `npm:…`, `jsr:…` or bare names. Never relative. */
  wanted: readonly [string, ...string[]];
  /** URL of the importing module. */
  referrer: string;
  /** Modules whose graph is the program's. */
  roots: readonly string[];
  /** What was asked for before: it belongs to the program. */
  entries: readonly string[];
  /** Keys of what there is already. */
  known: readonly string[];
  /** The folder whose configuration (import map, lock file) holds; undefined: the working directory. */
  folder: string | undefined;
  /** URL of Dusk's own `mod.ts`. */
  dusk: string;
}

/** Limits, for tests. */
export interface BundleLimits {
  maxBytes?: number;
  maxSeconds?: number;
}

/**
 * Bundle a program's modules. Blocks until that is done.
 *
 * @param request What to bundle.
 * @param limits Other limits than 64 MiB and five minutes.
 * @returns The bundle, or the name of the built-in that it is, or the key of what there is already.
 * @throws {FunctionError} When there is no way to run `deno`, or the module cannot be bundled.
 */
export function runBundler(
  request: BundleRequest,
  limits: BundleLimits = {},
): Exclude<BundleAnswer, { kind: "error" }> {
  const { wanted, referrer, roots, entries, known, dusk } = request;
  const [specifier] = wanted;
  if (specifier.length > MAX_SPECIFIER) {
    throw new FunctionError(
      `cannot send the module "${specifier.slice(0, 60)}…" to workers: its specifier has ` +
        `${specifier.length} characters, and the limit is ${MAX_SPECIFIER}; put it into a file`,
    );
  }
  const maxBytes = limits.maxBytes ?? MAX_BYTES;
  const maxSeconds = limits.maxSeconds ?? MAX_SECONDS;
  const order: BundleOrder = {
    wanted,
    referrer,
    roots,
    entries,
    known,
    dusk,
    duskPath: dusk.startsWith("file:") ? fileURLToPath(dusk) : undefined,
    flags: importFlags([...wanted, referrer]),
    maxBytes,
    maxSeconds,
  };
  const answer = ask(order, request);
  if (answer.kind !== "error") return answer;
  const who = `cannot send the module "${specifier}" to workers: `;
  switch (answer.reason) {
    case "size":
      throw new FunctionError(
        `${who}bundled with what it imports it has ${answer.message} bytes, and the limit is ` +
          `${maxBytes}; import a smaller part of it, or pass data as arguments`,
      );
    case "time":
      throw new FunctionError(
        `${who}bundling it took more than ${maxSeconds} s; fetch what it imports beforehand, ` +
          `with "deno cache ${specifier}"`,
      );
    default: {
      const cause = new Error(answer.message.trim());
      throw new FunctionError(`${who}${explain(answer.message)}`, { cause });
    }
  }
}

function ask(order: BundleOrder, { folder, wanted }: BundleRequest): BundleAnswer {
  const args = ["eval", "-q", "--no-lock", bundleProgram(order)];
  const { code, stdout, stderr } = runDeno(args, folder, wanted[0]);
  const decoder = new TextDecoder();
  if (code === 0) return JSON.parse(decoder.decode(stdout));
  return { kind: "error", reason: "failed", message: decoder.decode(stderr).slice(0, 4000) };
}

function runDeno(args: string[], cwd: string | undefined, specifier: string): Deno.CommandOutput {
  const who = `cannot send the module "${specifier}" to workers: `;
  let refused: unknown;
  // The program itself may not be deno: it may be a compiled one. And "--allow-run=deno" names the one on
  // the PATH, which can be another file.
  const programs = isDeno() ? [Deno.execPath(), "deno"] : ["deno"];
  for (const program of programs) {
    try {
      return new Deno.Command(program, { args, cwd, env: { NO_COLOR: "1" }, stdin: "null" })
        .outputSync();
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) {
        refused = error;
        continue;
      }
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new FunctionError(
        cwd !== undefined && runs(program)
          ? `${who}the folder ${cwd} of what imports it is not there, as in a compiled program; ` +
            `run the program from its source`
          : `${who}bundling it takes the program deno, which is not on the PATH; install Deno ` +
            `where this program runs`,
        { cause: error },
      );
    }
  }
  throw new FunctionError(
    `${who}bundling it runs "deno bundle", and this program may not run other programs; ` +
      `start it with --allow-run=deno`,
    { cause: refused },
  );
}

/** Deno says "not found" of a program, and of the folder to run it in. */
function runs(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdin: "null" }).outputSync().success;
  } catch {
    return false; // Whatever the reason, it is not the folder.
  }
}

function isDeno(): boolean {
  return !Deno.build.standalone && /^deno(?:\.exe)?$/.test(Deno.execPath().replace(/.*[/\\]/, ""));
}

/** Hosts that this program may import from, the bundler may, too. */
function importFlags(urls: readonly string[]): string[] {
  const query = (host?: string) =>
    Deno.permissions.querySync({ name: "import", host } as unknown as Deno.PermissionDescriptor)
      .state === "granted";
  if (query()) return ["--allow-import"];
  const hosts = new Set<string>();
  for (const url of urls) {
    if (!/^https?:/.test(url)) continue;
    const { host, port, protocol } = new URL(url);
    const full = port === "" ? `${host}:${protocol === "https:" ? 443 : 80}` : host;
    if (query(full)) hosts.add(full);
  }
  // The flag takes the place of Deno's own list of hosts.
  return hosts.size === 0 ? [] : [`--allow-import=${[...hosts, ...usualHosts].join(",")}`];
}

/** The hosts that Deno lets all programs import from. */
const usualHosts = [
  "deno.land:443",
  "jsr.io:443",
  "esm.sh:443",
  "raw.esm.sh:443",
  "cdn.jsdelivr.net:443",
  "raw.githubusercontent.com:443",
  "gist.githubusercontent.com:443",
];

/** What the bundler says, as the end of a sentence with a remedy. */
function explain(text: string): string {
  const said = text.replace(/^[^]*?error: (?:Uncaught \(in promise\) )?/, "")
    .replace(/\n(?:error:|\s*Stack backtrace:)[^]*$/, "")
    .replace(/\s+at file:\S*\/dusk-bundle-[^/]*\/[a-z]+\/entry\d+-\.js:\S+/, "").trim();
  const what = said.split("\n").map((line) => line.trim()).filter((line) => line !== "").slice(0, 6)
    .join(" ");
  return `${what.replace(/[.;:]$/, "") || "deno bundle failed"}; ${remedyFor(said)}`;
}

function remedyFor(said: string): string {
  if (
    /module not found|cannot find module|no such file|cannot resolve|could not resolve/i.test(said)
  ) {
    return "check that the file is there and the name is right";
  }
  if (/not a dependency/.test(said)) {
    return "add it to the imports of your deno.json, or write npm:, jsr: or a URL";
  }
  if (/requires import access/i.test(said)) return "start this program with the flag that it names";
  if (
    /could not find constraint|npm package .* does not exist|not exist in the registry/i.test(said)
  ) {
    return "check the name and version of the package";
  }
  if (/syntax ?error|expected|unexpected/i.test(said)) return "correct the module";
  if (/"\.node" files/.test(said)) {
    return "native addons do not travel: call it here, and pass what comes of it as arguments";
  }
  if (/wasm modules/i.test(said)) return "read its bytes here, and instantiate them in the task";
  if (/esbuild package/.test(said)) {
    return 'deno fetches its bundler once: run "deno bundle" on any file where there is a network';
  }
  if (/error sending request|dns|connect|network|fetch|download|load path: deno:/i.test(said)) {
    return 'this takes the network once: run "deno cache" on it where there is one';
  }
  return 'see whether "deno bundle" takes it';
}
