/**
 * V8's inspector, used synchronously: what a function closes over, where it stands, and the source of
 * its script. The one place that talks to it.
 *
 * `Session.post` runs the command at once, but hands the answer over by `process.nextTick`. So that
 * call is caught while a command is posted, and what it was given is run right after. In a session that
 * has events, one of those could have called it before, and the answer would wait with them; so the
 * session that lives on has none, and each look at a script has a session of its own, which is closed
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

/** Objects pass between this program and the inspector through here. */
interface Sink {
  subject?: unknown;
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

/** The session that has no events, and the way through which objects pass. */
class Link {
  readonly #session = new Session();
  readonly #sink: Sink = {};
  readonly #sinkId: string;
  #releasing = false;

  constructor() {
    this.#session.connect();
    const passage = Symbol.for("dusk.inspector");
    const globals = globalThis as unknown as Record<symbol, unknown>;
    globals[passage] = this.#sink;
    try {
      const expression = `globalThis[Symbol.for("dusk.inspector")]`;
      const { result } = this.#post<{ result: RemoteValue }>("Runtime.evaluate", { expression });
      this.#sinkId = result.objectId!;
    } finally {
      delete globals[passage];
    }
  }

  #post<T>(method: string, parameters: Parameters): T {
    return command<T>(this.#session, method, parameters);
  }

  #idOf(subject: unknown): string {
    this.#sink.subject = subject;
    const { result } = this.#post<{ result: RemoteValue }>("Runtime.callFunctionOn", {
      objectId: this.#sinkId,
      functionDeclaration: "function(){return this.subject}",
      objectGroup: "dusk",
    });
    return result.objectId!;
  }

  #valueOf(remote: RemoteValue): unknown {
    this.#post("Runtime.callFunctionOn", {
      objectId: this.#sinkId,
      functionDeclaration: "function(value){this.out=value}",
      arguments: [remote],
    });
    return this.#sink.out;
  }

  /** Let go of what was looked at: at the end of the turn, for all at once. */
  #clear(): void {
    this.#sink.subject = this.#sink.out = undefined;
    if (this.#releasing) return;
    this.#releasing = true;
    queueMicrotask(() => {
      this.#releasing = false;
      this.#post("Runtime.releaseObjectGroup", { objectGroup: "dusk" });
    });
  }

  inspect(fn: AnyFunction): InspectedFunction | undefined {
    try {
      const { internalProperties = [] } = this.#post<{
        internalProperties?: { name: string; value?: RemoteValue }[];
      }>("Runtime.getProperties", { objectId: this.#idOf(fn), ownProperties: true });
      let place: { scriptId: string; lineNumber: number; columnNumber: number } | undefined;
      let scopes: readonly LiveScope[] = [];
      for (const { name, value } of internalProperties) {
        if (name === "[[FunctionLocation]]") place = value!.value as typeof place;
        if (name !== "[[Scopes]]") continue;
        // What comes has no prototype.
        scopes = Array.from(this.#valueOf({ objectId: value!.objectId }) as LiveScope[]);
      }
      if (place === undefined) return undefined;
      const { scriptId, lineNumber: line, columnNumber: column } = place;
      return { scriptId, line, column, scopes };
    } finally {
      this.#clear();
    }
  }

  privateMembers(object: object): Map<string, unknown> {
    try {
      const { privateProperties = [] } = this.#post<{
        privateProperties?: { name: string; value?: RemoteValue }[];
      }>("Runtime.getProperties", { objectId: this.#idOf(object), ownProperties: true });
      const members = new Map<string, unknown>();
      for (const { name, value } of privateProperties) {
        if (value !== undefined) members.set(name, this.#valueOf(value));
      }
      return members;
    } finally {
      this.#clear();
    }
  }
}

let link: Link | undefined;

/** Whether the inspector may be used without asking the user. */
export function mayInspect(): boolean {
  if (link !== undefined) return true;
  // Deno's types know not all that it can be asked for.
  const name = { name: "sys", kind: "inspector" } as unknown as Deno.SysPermissionDescriptor;
  return Deno.permissions.querySync(name).state === "granted";
}

function connect(who: string): Link {
  if (link !== undefined) return link;
  try {
    return link = new Link();
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
