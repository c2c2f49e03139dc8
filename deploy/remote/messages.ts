/**
 * What submitter and remote tell each other of a script, over one comm: the order, then what comes and
 * goes while it runs. Everything that comes in is checked here.
 *
 * @module
 */

/** The port of `dusk-remote`, where none is said. */
export const REMOTE_PORT = 8788;
/** The operation that has a script run. */
export const RUN_SCRIPT = "run-script";
/** Most bytes of a script with all that it imports and where that comes from. */
export const MAX_SCRIPT_BYTES: number = 64 * 2 ** 20;
/** Most bytes of output or input in one message. */
export const MAX_CHUNK_BYTES: number = 2 ** 18;
/** Most arguments of a script, and most UTF-16 units of all of them. */
const MAX_ARGUMENTS = 10_000;
const MAX_ARGUMENTS_LENGTH = 100_000;
/** Longest name of a script. */
const MAX_NAME = 200;
/** Seconds between two signs of life of the submitter, and of silence after which it counts as gone. */
export const ALIVE_INTERVAL = 10;
export const ALIVE_TIMEOUT = 90;

/** A script as it travels. */
export interface PortableScript {
  /** Name of its file, such as `script.ts`. */
  name: string;
  /** Its JavaScript, in UTF-8; between the pieces stand the places where Dusk is named, to import it. */
  pieces: Uint8Array[];
  /** Source map, as JSON in UTF-8; empty when the script is what its author wrote. */
  sourceMap: Uint8Array;
}

/** The order to run a script. */
export interface RunScript extends PortableScript {
  op: typeof RUN_SCRIPT;
  /** Arguments of the script. */
  args: string[];
  /** Whether its standard input will be sent. */
  stdin: boolean;
}

/** From the submitter, while the script runs. */
export type FromSubmitter =
  /** Next bytes of the standard input; no bytes: its end. Only one is on its way at a time. */
  | { op: "stdin"; data: Uint8Array }
  /** Stop, as by Ctrl-C. */
  | { op: "interrupt" }
  | { op: "alive" };

/** From the remote. */
export type FromRemote =
  | { op: "refused"; message: string }
  | { op: "started" }
  | { op: "output"; to: "stdout" | "stderr"; data: Uint8Array }
  /** The bytes of the standard input have been taken: more may come. */
  | { op: "stdin-taken" }
  /** It has ended; `reason`, where it did not end by itself. */
  | { op: "ended"; code: number; reason?: string };

/** A message makes no sense. */
export class ScriptMessageError extends Error {
  /** Name of the class. */
  override readonly name = "ScriptMessageError";
}

/**
 * Checks an order.
 *
 * @param message What came in.
 * @returns The order.
 * @throws {ScriptMessageError} When it is none.
 */
export function checkOrder(message: unknown): RunScript {
  const { name, pieces, sourceMap, args, stdin } = record(message);
  if (typeof name !== "string" || name === "" || name.length > MAX_NAME) fail("the script's name");
  if (!isList(pieces) || pieces.length === 0 || !pieces.every(isBytes)) fail("the script's text");
  if (!isBytes(sourceMap)) fail("its source map");
  if (typeof stdin !== "boolean") fail('"stdin"');
  if (!isList(args) || args.length > MAX_ARGUMENTS || !args.every(isText)) fail("its arguments");
  if (args.reduce((sum, { length }) => sum + length, 0) > MAX_ARGUMENTS_LENGTH) {
    throw new ScriptMessageError(
      `the arguments have more than ${MAX_ARGUMENTS_LENGTH} characters: send a file's worth by ` +
        "standard input",
    );
  }
  const script = { name, pieces, sourceMap };
  checkSize(script);
  return { op: RUN_SCRIPT, ...script, args, stdin };
}

/**
 * Checks how large a script is.
 *
 * @param script The script.
 * @throws {ScriptMessageError} When it is too large.
 */
export function checkSize({ name, pieces, sourceMap }: PortableScript): void {
  const bytes = pieces.reduce((sum, { length }) => sum + length, sourceMap.length);
  if (bytes <= MAX_SCRIPT_BYTES) return;
  throw new ScriptMessageError(
    `${name} has ${bytes} bytes with all that it imports, and the limit is ${MAX_SCRIPT_BYTES}: ` +
      "import less, or read data from where the cluster finds it",
  );
}

/**
 * Checks what a submitter says while its script runs.
 *
 * @param message What came in.
 * @throws {ScriptMessageError} When it makes no sense.
 */
export function checkFromSubmitter(message: unknown): FromSubmitter {
  const { op, data } = record(message);
  switch (op) {
    case "stdin":
      return { op, data: chunk(data) };
    case "interrupt":
    case "alive":
      return { op };
    default:
      return fail('"op"');
  }
}

/**
 * Checks what a remote says.
 *
 * @param message What came in.
 * @throws {ScriptMessageError} When it makes no sense.
 */
export function checkFromRemote(received: unknown): FromRemote {
  const { op, status, message, to, data, code, reason } = record(received);
  // How a server answers what it cannot do, such as an operation that it does not know.
  if (status !== undefined) return { op: "refused", message: String(message) };
  switch (op) {
    case "refused":
      return { op, message: String(message) };
    case "started":
    case "stdin-taken":
      return { op };
    case "output":
      return { op, to: to === "stderr" ? "stderr" : "stdout", data: chunk(data) };
    case "ended":
      if (!Number.isInteger(code)) fail("the exit code");
      return { op, code: code as number, reason: reason === undefined ? reason : String(reason) };
    default:
      return fail('"op"');
  }
}

function record(message: unknown): Record<string, unknown> {
  if (typeof message === "object" && message !== null) return message as Record<string, unknown>;
  return fail("the message");
}

function chunk(data: unknown): Uint8Array {
  return isBytes(data) && data.length <= MAX_CHUNK_BYTES ? data : fail('"data"');
}

function fail(what: string): never {
  throw new ScriptMessageError(`${what} is not what it should be: use the same version of Dusk`);
}

function isList(value: unknown): value is unknown[] {
  return Array.isArray(value);
}

function isBytes(value: unknown): value is Uint8Array {
  return value instanceof Uint8Array;
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
