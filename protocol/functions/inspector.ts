/**
 * V8's inspector, used synchronously: what a function closes over, where it stands, and the source of
 * its script. The one place that talks to it.
 *
 * `Session.post` runs the command at once, but hands the answer over by `process.nextTick`. So that
 * call is caught while a command is posted, and what it was given is run right after. In a session that
 * has events, one of those could have called it before, and the answer would wait with them; so the
 * session for functions has none, and each look at a script has a session of its own, which is closed
 * right away (WebAssembly runs slower while it is there).
 *
 * @module
 */
import { Session } from "node:inspector";
import process from "node:process";
import type { AnyFunction } from "./definition.ts";
import { FunctionError } from "./function_error.ts";

/** One scope that a function sees. The values are live; what is not initialized throws when read. */
export interface LiveScope {
  /** "Closure (name)", "Block", "Module", "Script", "Global", … */
  readonly description: string;
  readonly object: Readonly<Record<string, unknown>>;
}

/** What the inspector shows of a function. */
export interface InspectedFunction {
  readonly scriptId: string;
  readonly line: number;
  readonly column: number;
  /** The scopes around it, the innermost first. */
  readonly scopes: readonly LiveScope[];
}

/** What the inspector shows of a script. */
export interface InspectedScript {
  /** "" for what was made by `new Function`. */
  readonly url: string;
  readonly isModule: boolean;
  readonly source: string;
}

/** A value as the inspector's protocol shows it. */
interface RemoteValue {
  objectId?: string;
  value?: unknown;
  unserializableValue?: string;
}

/** What `Debugger.scriptParsed` tells. */
interface ScriptParsed {
  scriptId: string;
  url: string;
  isModule?: boolean;
}

/** What it tells of an object. */
interface ObjectProperties {
  internalProperties?: { name: string; value?: RemoteValue }[];
  privateProperties?: { name: string; value?: RemoteValue }[];
}

/** An object on its way to the inspector, and one on its way back. */
interface Sink {
  subject: unknown;
  out?: unknown;
}

type Parameters = Record<string, unknown>;
type Post = (
  method: string,
  parameters: Parameters,
  done: (error: unknown, answer: unknown) => void,
) => void;

/** Post a command and take its answer. */
function command<T>(session: Session, method: string, parameters: Parameters = {}): T {
  const handOvers: (() => void)[] = [];
  let failure: unknown;
  let answer: T | undefined;
  const { nextTick } = process;
  process.nextTick = (callback: (...args: unknown[]) => void, ...args: unknown[]) => {
    handOvers.push(() => callback(...args));
  };
  try {
    (session.post as Post).call(session, method, parameters, (error, result) => {
      failure = error;
      answer = result as T;
    });
  } finally {
    process.nextTick = nextTick;
  }
  for (const handOver of handOvers) handOver();
  if (failure) throw failure;
  if (answer === undefined) throw new Error(`the inspector gave no answer to ${method}`);
  return answer;
}

/** What objects pass through, while something is looked at: a global that only this file names. */
const PASSAGE = Symbol.for("dusk.inspector");
const passage = `globalThis[Symbol.for("dusk.inspector")]`;

/** The session that has no events. */
class Link {
  readonly #session = new Session();

  constructor() {
    this.#session.connect();
    // While a session is open each new Web Worker starts half a second later. So it is closed at the
    // end of the turn, which also lets go of all that was looked at.
    queueMicrotask(endInspection);
  }

  disconnect(): void {
    this.#session.disconnect();
  }

  #post<T>(method: string, parameters: Parameters): T {
    return command<T>(this.#session, method, parameters);
  }

  /** Look at an object: `look` gets the inspector's name for it, and the way back. */
  #look<T>(subject: unknown, look: (objectId: string, sink: Sink) => T): T {
    const globals = globalThis as unknown as Record<symbol, Sink>;
    const sink: Sink = { subject };
    globals[PASSAGE] = sink;
    try {
      const expression = `${passage}.subject`;
      const { result } = this.#post<{ result: RemoteValue }>("Runtime.evaluate", { expression });
      return look(result.objectId!, sink);
    } finally {
      delete globals[PASSAGE];
    }
  }

  #properties(objectId: string): ObjectProperties {
    return this.#post("Runtime.getProperties", { objectId, ownProperties: true });
  }

  /** The live value that the inspector shows. */
  #valueOf(remote: RemoteValue, sink: Sink): unknown {
    const { objectId, value, unserializableValue } = remote;
    if (objectId === undefined) {
      const argument = unserializableValue === undefined ? { value } : { unserializableValue };
      const { result } = this.#post<{ result: RemoteValue }>("Runtime.evaluate", {
        expression: passage,
      });
      this.#post("Runtime.callFunctionOn", {
        objectId: result.objectId,
        functionDeclaration: "function(value){this.out=value}",
        arguments: [argument],
      });
    } else {
      this.#post("Runtime.callFunctionOn", {
        objectId,
        functionDeclaration: `function(){${passage}.out=this}`,
      });
    }
    return sink.out;
  }

  inspect(fn: AnyFunction): InspectedFunction | undefined {
    return this.#look(fn, (objectId, sink) => {
      const { internalProperties = [] } = this.#properties(objectId);
      let place: { scriptId: string; lineNumber: number; columnNumber: number } | undefined;
      let scopes: readonly LiveScope[] = [];
      for (const { name, value } of internalProperties) {
        if (name === "[[FunctionLocation]]") place = value!.value as typeof place;
        if (name !== "[[Scopes]]") continue;
        // What comes has no prototype.
        scopes = Array.from(this.#valueOf(value!, sink) as LiveScope[]);
      }
      if (place === undefined) return undefined;
      const { scriptId, lineNumber: line, columnNumber: column } = place;
      return { scriptId, line, column, scopes };
    });
  }

  privateMembers(object: object): Map<string, unknown> {
    return this.#look(object, (objectId, sink) => {
      const members = new Map<string, unknown>();
      for (const { name, value } of this.#properties(objectId).privateProperties ?? []) {
        if (value !== undefined) members.set(name, this.#valueOf(value, sink));
      }
      return members;
    });
  }
}

let link: Link | undefined;
/** Whether there has been a session. */
let allowed = false;

/** Close the session that is open, if one is: for who starts a Web Worker in the same turn. */
export function endInspection(): void {
  link?.disconnect();
  link = undefined;
}

let interactive: boolean | undefined;

/**
 * Whether this is Deno's REPL, or its Jupyter kernel: they run each line through the inspector, and
 * the process ends when it is entered once more from there.
 */
function isInteractive(): boolean {
  return interactive ??= /\/\$deno\$(?:repl|jupyter)\.\w+$/.test(Deno.mainModule);
}

/** Whether the inspector may be used without asking the user. */
export function mayInspect(): boolean {
  if (isInteractive()) return false;
  if (allowed) return true;
  // Deno's types know not all that it can be asked for.
  const name = { name: "sys", kind: "inspector" } as unknown as Deno.SysPermissionDescriptor;
  return Deno.permissions.querySync(name).state === "granted";
}

function connect(who: string): Link {
  if (link !== undefined) return link;
  if (isInteractive()) {
    throw new FunctionError(
      `${who} uses variables from around it, and their values cannot be seen in Deno's REPL: ` +
        `pass them as arguments, or run a file with deno run`,
    );
  }
  try {
    link = new Link();
    allowed = true;
    return link;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new FunctionError(
      `${who} uses variables from around it, and seeing their values needs V8's inspector: ` +
        `run the program with --allow-sys, or pass them as arguments`,
    );
  }
}

/**
 * See where a function stands and what it closes over.
 *
 * @param fn The function or class.
 * @param who What error messages call it.
 * @returns Undefined for a native function.
 * @throws {FunctionError} Without the permission for it.
 */
export function inspectFunction(fn: AnyFunction, who: string): InspectedFunction | undefined {
  return connect(who).inspect(fn);
}

/**
 * See the private members of an object or class.
 *
 * @param object The object.
 * @param who What error messages call it.
 * @returns Their values by name (`#name`).
 * @throws {FunctionError} Without the permission for it.
 */
export function inspectPrivateMembers(object: object, who: string): Map<string, unknown> {
  return connect(who).privateMembers(object);
}

/**
 * Get a script. It takes milliseconds: keep it.
 *
 * @param scriptId Of {@linkcode InspectedFunction}.
 * @returns Undefined if V8 does not have it any more.
 */
export function inspectScript(scriptId: string): InspectedScript | undefined {
  const session = new Session();
  session.connect();
  try {
    let found: { url: string; isModule: boolean } | undefined;
    session.on("Debugger.scriptParsed", ({ params }: { params: ScriptParsed }) => {
      if (params.scriptId !== scriptId) return;
      found = { url: params.url, isModule: params.isModule === true };
    });
    command(session, "Debugger.enable");
    if (found === undefined) return undefined;
    const { scriptSource: source } = command<{ scriptSource: string }>(
      session,
      "Debugger.getScriptSource",
      { scriptId },
    );
    return { ...found, source };
  } finally {
    session.disconnect();
  }
}
