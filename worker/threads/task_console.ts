/**
 * The console of a thread: what tasks write goes to the pool as text instead of to the terminal.
 *
 * @module
 */

/** Takes what was written; `level` is one of "debug", "log", "info", "warn" and "error". */
export type ConsoleSink = (level: ConsoleLevel, text: string) => void;

/** How urgent output is. */
export type ConsoleLevel = "debug" | "log" | "info" | "warn" | "error";

/** The methods that are forwarded, with the level of what they write. */
const LEVELS: Record<string, ConsoleLevel> = {
  debug: "debug",
  log: "log",
  info: "info",
  warn: "warn",
  error: "error",
  assert: "error",
  trace: "error",
  dir: "log",
  dirxml: "log",
  table: "log",
  count: "log",
  countReset: "warn",
  time: "warn",
  timeEnd: "log",
  timeLog: "log",
  group: "log",
  groupCollapsed: "log",
  groupEnd: "log",
};

type Method = (...args: unknown[]) => void;

/**
 * Makes the global console write to a sink.
 *
 * @param sink Called for each piece of output, while the task is in its console call.
 */
export function installConsole(sink: ConsoleSink): void {
  let level: ConsoleLevel = "log";
  const write = (text: string) => {
    sink(level, text.endsWith("\n") ? text.slice(0, -1) : text);
    return true;
  };
  let formatter: Record<string, Method> | undefined;
  const format = (name: string, args: unknown[]) => {
    if (formatter === undefined) {
      // Lazily: node's modules take 15 ms that a silent thread need not spend.
      const { Console } = process.getBuiltinModule("node:console") as unknown as {
        Console: new (options: object) => Record<string, Method>;
      };
      formatter = new Console({
        stdout: { write },
        stderr: { write },
        ignoreErrors: false,
        colorMode: false,
      });
    }
    level = LEVELS[name];
    formatter[name](...args);
  };
  const console = globalThis.console as unknown as Record<string, Method>;
  for (const name of Object.keys(LEVELS)) console[name] = (...args) => format(name, args);
  console.clear = () => {};
}
