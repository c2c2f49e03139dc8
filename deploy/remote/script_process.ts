/**
 * The process of one script, from its start to its end, with all that the script starts.
 *
 * @module
 */
import { getLogger } from "../../config/logging.ts";
import { DENO_ENV } from "../../worker/deno_program.ts";
import { COOKIE_NAME, killTree } from "../../worker/process_tree.ts";
import type { PortableScript } from "./messages.ts";
import { duskUrl, scriptCommand, type ScriptSettings } from "./script_command.ts";
import { encodeSettings } from "./script_settings.ts";

/** What a script's process is started with. */
export interface ScriptProcessOptions {
  script: PortableScript;
  args: string[];
  /** Settings that it goes by. */
  settings: Record<string, unknown>;
  permissions: ScriptSettings["permissions"];
  /** More environment variables. */
  env: Record<string, string>;
  /** Whether there will be standard input. */
  stdin: boolean;
}

/** A script's process could not be started. */
export class ScriptProcessError extends Error {
  /** Name of the class. */
  override readonly name = "ScriptProcessError";
}

/** Milliseconds that a script has to end after an interrupt. */
const GRACE = 5000;
/** Milliseconds that its next output is waited for when it has ended, and something else holds the pipes. */
const LAST_OUTPUT = 1000;

const logger = getLogger("distributed.remote");

/** A script that runs. */
export class ScriptProcess {
  /** Resolves when it has ended, and all that it has started. */
  readonly exited: Promise<Deno.CommandStatus>;
  /** What it prints; ends soon after the process. */
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  readonly #child: Deno.ChildProcess;
  readonly #folder: string;
  readonly #cookie: string;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #gone = Promise.withResolvers<void>();
  #grace: ReturnType<typeof setTimeout> | undefined;
  #hasEnded = false;

  private constructor(child: Deno.ChildProcess, folder: string, cookie: string) {
    this.#child = child;
    this.#folder = folder;
    this.#cookie = cookie;
    this.#stdin = child.stdin.getWriter();
    this.stdout = this.#cut(child.stdout);
    this.stderr = this.#cut(child.stderr);
    this.exited = this.#untilEnd();
  }

  /**
   * Start a script.
   *
   * @throws {ScriptProcessError} When it cannot be started.
   */
  static async start(options: ScriptProcessOptions): Promise<ScriptProcess> {
    const cookie = crypto.randomUUID();
    const folder = await Deno.makeTempDir({ prefix: "dusk-script-" });
    try {
      const { name } = options.script;
      const file = `${folder}/${fileName(name)}`;
      const { args, permissions } = options;
      const sourceMap = new TextDecoder().decode(options.script.sourceMap);
      const settings = { file, name, args, sourceMap, settings: options.settings, permissions };
      const header = encodeSettings(settings);
      await Deno.writeFile(file, textOf(options.script));
      const [program, ...rest] = scriptCommand(settings);
      const child = new Deno.Command(program, {
        args: rest,
        env: { ...DENO_ENV, [COOKIE_NAME]: cookie, ...options.env },
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
        // A group of its own: an interrupt reaches all of it, and nothing else.
        detached: Deno.build.os !== "windows",
      }).spawn();
      const process = new ScriptProcess(child, folder, cookie);
      await process.write(header);
      if (!options.stdin) await process.endInput();
      return process;
    } catch (error) {
      await Deno.remove(folder, { recursive: true });
      throw new ScriptProcessError(`cannot start the script: ${(error as Error).message}`, {
        cause: error,
      });
    }
  }

  /** Write to its standard input; resolves when it has been taken, or nobody reads it any more. */
  async write(data: Uint8Array): Promise<void> {
    try {
      await this.#stdin.write(data);
    } catch {
      // The script has closed it, or has ended: as with a broken pipe, whoever writes is not needed.
    }
  }

  /** End its standard input. */
  async endInput(): Promise<void> {
    try {
      await this.#stdin.close();
    } catch {
      // It is closed.
    }
  }

  /** Interrupt it as by Ctrl-C; end it when it still runs a while later. */
  interrupt(): void {
    if (this.#hasEnded) return;
    if (Deno.build.os === "windows") return this.kill();
    try {
      Deno.kill(-this.#child.pid, "SIGINT");
    } catch {
      // The group has gone, which is what was wanted.
    }
    this.#grace ??= setTimeout(() => this.kill(), GRACE);
  }

  /** End it at once, with all that it has started. */
  kill(): void {
    if (!this.#hasEnded) killTree(this.#child.pid, this.#cookie);
  }

  async #untilEnd(): Promise<Deno.CommandStatus> {
    const status = await this.#child.status;
    clearTimeout(this.#grace);
    this.#hasEnded = true;
    if (Deno.build.os !== "windows") killTree(this.#child.pid, this.#cookie);
    this.#gone.resolve();
    await this.#stdin.abort().catch(() => {}); // It broke when the process ended.
    await removeFolder(this.#folder);
    return status;
  }

  /** A stream that ends with the process, though others may hold the pipe. */
  #cut(stream: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
    const reader = stream.getReader();
    return new ReadableStream({
      pull: async (controller) => {
        const value = await this.#nextOf(reader);
        if (value !== undefined) return controller.enqueue(value);
        controller.close();
        await reader.cancel();
      },
      cancel: (reason) => reader.cancel(reason),
    }, { highWaterMark: 0 });
  }

  async #nextOf(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Uint8Array | undefined> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isWaiting = true;
    const end = this.#gone.promise.then(() =>
      new Promise<undefined>((resolve) => {
        if (isWaiting) timer = setTimeout(() => resolve(undefined), LAST_OUTPUT);
      })
    );
    try {
      return await Promise.race([reader.read().then(({ value }) => value), end]);
    } finally {
      isWaiting = false;
      clearTimeout(timer);
    }
  }
}

/** Remove a script's folder. That of one that may write can be gone, or be in no state to be removed. */
async function removeFolder(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    logger.warn(`The folder ${path} of a script stays: ${(error as Error).message}`);
  }
}

/** A name for the file, of which nothing outside of the folder is meant. */
function fileName(name: string): string {
  const plain = name.replace(/.*[/\\]/, "").replace(/\.[cm]?[jt]sx?$/, "");
  return `${plain.replace(/[^\w.-]/g, "_").replace(/^\.+/, "") || "script"}.js`;
}

/** The script as a file. */
function textOf({ pieces, sourceMap }: PortableScript): Uint8Array<ArrayBuffer> {
  const dusk = new TextEncoder().encode(JSON.stringify(duskUrl));
  const parts = pieces.flatMap((piece, i) => i === 0 ? [piece] : [dusk, piece]);
  if (!Deno.build.standalone) {
    // Imports come first wherever they stand. So no line or column of the script is moved.
    const start = JSON.stringify(new URL("./script_start.ts", import.meta.url).href);
    const map = sourceMap.length === 0 ? "" : inlineMap(sourceMap);
    parts.push(new TextEncoder().encode(`\nimport ${start};\n${map}`));
  }
  const text = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    text.set(part, at);
    at += part.length;
  }
  return text;
}

function inlineMap(map: Uint8Array): string {
  return `//# sourceMappingURL=data:application/json;base64,${
    (map as unknown as {
      toBase64(): string;
    }).toBase64()
  }\n`;
}
