/**
 * Evaluates the script of a module's part as a thread does: in a Web Worker without any permission.
 */
import type { ResolvedModule } from "../../../protocol/functions/modules.ts";
import type { CodePart } from "../../../protocol/messages.ts";
import { deserialize } from "../../../protocol/values.ts";

/** What the code of a module's part decodes to. */
export interface ModuleCode {
  url: string;
  source: string;
  isAsync: boolean;
}

/** The decoded code of a module's part. */
export function codeOf(part: CodePart | undefined): ModuleCode {
  return deserialize(part!.code) as ModuleCode;
}

/** URLs of the modules that a module comes with. */
export function sourcesOf({ parts }: ResolvedModule): string[] {
  return [...parts!.values()].flatMap(({ origin }) =>
    origin === undefined ? [] : (deserialize(origin) as { sources: string[] }).sources
  );
}

/** The scope of the Web Worker. */
declare const globalThis: {
  onmessage: (event: MessageEvent) => void;
  postMessage(message: unknown): void;
};

/** What runs in it. */
const worker = (async () => {
  const evaluate = eval;
  const process = (await import("node:process")).default;
  globalThis.onmessage = async (event: MessageEvent) => {
    const { modules, root, use } = event.data;
    const builtin = (name: string) => {
      if (name === "dusk:") return { version: "the thread's" };
      const module = process.getBuiltinModule(name);
      if (module === undefined) throw new Error(`no built-in ${name}`);
      return module;
    };
    const meta = Object.defineProperty({ main: false }, "url", {
      get: () => {
        throw new TypeError("import.meta.url means nothing in a task");
      },
    });
    const loaded = new Map();
    const load = (name: string, group?: string): unknown => {
      const key = name.startsWith("#") ? group + name : name;
      if (!loaded.has(key)) loaded.set(key, open(key));
      return loaded.get(key);
    };
    const open = (key: string): unknown => {
      const [group, member] = key.split("#");
      const name = member === undefined ? group : modules[group].members[member];
      const code = modules[name];
      if (code.group !== undefined) return load(`#${code.member}`, code.group);
      const made = evaluate(code.source)(builtin, meta, (other: string) => load(other, group));
      if (made instanceof Promise !== code.isAsync) {
        throw new Error(`isAsync is not ${code.isAsync}`);
      }
      return made;
    };
    try {
      const made = load(root);
      globalThis.postMessage({ value: await evaluate(`(${use})`)(await made) });
    } catch (error) {
      globalThis.postMessage({ error: String(error) });
    }
  };
  globalThis.postMessage("ready");
}).toString();

/**
 * Evaluate a script and use its namespace.
 *
 * @param resolved The module, with the parts that it needs.
 * @param use Called there, with the namespace; must be self-contained.
 * @returns What `use` returns.
 */
export async function evaluateScript<T>(
  { module, parts }: Pick<ResolvedModule, "module" | "parts">,
  // deno-lint-ignore no-explicit-any
  use: (namespace: any) => T,
): Promise<Awaited<T>> {
  const url = URL.createObjectURL(new Blob([`(${worker})()`], { type: "text/javascript" }));
  const options = { type: "module", deno: { permissions: "none" } } as WorkerOptions;
  const thread = new Worker(url, options);
  try {
    const next = () => new Promise<MessageEvent>((resolve) => thread.onmessage = resolve);
    await next();
    const answer = next();
    const modules = Object.fromEntries([...parts!].map(([name, part]) => [name, codeOf(part)]));
    thread.postMessage({ modules, root: module, use: use.toString() });
    const { value, error } = (await answer).data;
    if (error !== undefined) throw new Error(error);
    return value;
  } finally {
    thread.terminate();
    URL.revokeObjectURL(url);
  }
}
