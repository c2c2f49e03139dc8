/**
 * What the programs share: their command line (commander, wrapped here), their exit codes, and how
 * they end. Bad usage is one line on standard error and exit code 2; a failure is one line and exit
 * code 1; a signal makes a program leave cleanly with exit code 0.
 *
 * @module
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "npm:commander@15.1.0";
import { getLogger } from "../config/logger.ts";
import { version } from "../config/version.ts";

export { Command, Option };

/** The value of a flag is no good: thrown by its parser, shown after the flag and the value. */
export { InvalidArgumentError as FlagValueError };

/** A failure that the user can understand and act on: shown as one line, without a stack. */
export class ProgramError extends Error {
  override name = "ProgramError";
}

/** The flags make no sense together: shown as one line, with exit code 2. */
export class UsageError extends Error {
  override name = "UsageError";
}

/** How to end: with this exit code, after everything was closed. */
export type ExitCode = number;

/** Exit code of a program that is told a second time to stop, and so does at once: as by SIGINT. */
const STOPPED_TWICE = 130;
/** Widest line of a help page that is not shown on a terminal. */
const HELP_WIDTH = 100;

/**
 * An empty command line for one program, with `--help` and `--version`.
 *
 * @param name The program's name.
 * @param description What it does, for `--help`.
 */
export function commandLine(name: string, description: string): Command {
  return new Command()
    .name(name)
    .description(description)
    .usage("[options]")
    .version(version, "--version", "Show the version and exit.")
    .helpOption("--help", "Show this message and exit.")
    .allowExcessArguments(false)
    .showSuggestionAfterError(true)
    .configureHelp({
      helpWidth: Math.min(terminalWidth(), HELP_WIDTH),
      optionTerm: (option: Option) => option.flags.replace(" [=", "[="),
    })
    .exitOverride()
    .configureOutput({ outputError: () => {} });
}

/**
 * Adds examples to the end of a program's help page.
 *
 * @param command The command line.
 * @param examples What each does, and its command.
 */
export function addExamples(command: Command, examples: [what: string, command: string][]): void {
  const lines = examples.map(([what, command]) => `  ${what}:\n    ${command}`);
  command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

/**
 * A parser for options that take a whole number.
 *
 * @param least Smallest number allowed.
 * @param most Largest number allowed.
 * @returns Function for commander, which throws on anything else.
 */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most) {
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** A parser for options that take text, which refuses an empty one. */
export function nonEmpty(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must not be empty.");
  return text;
}

/** A parser for options that may be given again and again: gives the list of their values. */
export function repeated(text: string, before: string[] = []): string[] {
  return [...before, nonEmpty(text)];
}

/** Stands for the value of a {@linkcode joinedOption} that has none: no argument can have a NUL. */
const NO_VALUE = "\0";

/** Options that take a value only behind `=`, and may be given more than once. */
const joined = new WeakSet<Option>();

/**
 * An option whose value is optional and stands behind `=` only, as with Deno's own permission flags:
 * in `--allow-net tcp://…` the address is no value of the flag.
 *
 * @param flags Such as "--allow-net [=hosts]".
 * @param description For `--help`.
 * @returns The option. Its value is `true` when it was given without a value, else the list of all
 *   values, split at commas.
 */
export function joinedOption(flags: string, description: string): Option {
  const option = new Option(flags, description).argParser(
    (text: string, before: true | string[] | undefined) => {
      if (text === NO_VALUE || before === true) return true;
      return [...before ?? [], ...text.split(",")];
    },
  );
  joined.add(option);
  return option;
}

/**
 * Marks the {@linkcode joinedOption}s that have no value, so that none takes the next argument for one.
 *
 * @param command The command line.
 * @param args The program's arguments.
 * @returns What to parse.
 */
export function markMissingValues(command: Command, args: readonly string[]): string[] {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  return args.map((argument, i) => {
    const option = command.options.find(({ long }) => long === argument);
    return i < end && option !== undefined && joined.has(option)
      ? `${argument}=${NO_VALUE}`
      : argument;
  });
}

/**
 * Run a program: call `main` with the parsed command line, then exit with the code it gives.
 *
 * @param command The command line, see {@linkcode commandLine}.
 * @param main The program; its result is the exit code. What it throws is shown as one line, with its
 *   stack only where DUSK_DEBUG is set or the log has the level "debug"; a {@linkcode UsageError} has exit code 2, all else 1.
 */
export async function runProgram(
  command: Command,
  main: (command: Command) => Promise<ExitCode>,
): Promise<never> {
  const name = command.name();
  const misused = (text: string): never => {
    complain(name, `${sentence(text)} Try '${name} --help'.`);
    Deno.exit(2);
  };
  try {
    command.parse(markMissingValues(command, Deno.args), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) Deno.exit(0);
    misused(error.message.replace(/^error: /, ""));
  }
  try {
    Deno.exit(await main(command));
  } catch (error) {
    if (error instanceof UsageError) misused(error.message);
    complain(name, describe(error));
    Deno.exit(1);
  }
}

/**
 * A hidden flag for whoever starts a program with a pipe to its standard input, and wants to take it
 * along when it dies, however suddenly: {@linkcode stopSignal} then heeds the end of the pipe.
 */
export function stdinOption(): Option {
  return new Option("--exit-with-stdin", "Stop when standard input ends.").default(false)
    .hideHelp();
}

/**
 * Listen to SIGINT (Ctrl-C) and SIGTERM, and with {@linkcode stdinOption} to the end of standard input. To
 * be called before the program starts anything, so that it leaves cleanly from then on. A second signal
 * ends the program at once.
 *
 * @param command The parsed command line.
 * @returns Resolves when the program is to stop.
 */
export function stopSignal(command?: Command): Promise<void> {
  return new Promise((resolve) => {
    let signalled = false;
    const signals: Deno.Signal[] = Deno.build.os === "windows"
      ? ["SIGINT", "SIGBREAK"]
      : ["SIGINT", "SIGTERM"];
    for (const signal of signals) {
      Deno.addSignalListener(signal, () => {
        if (signalled) Deno.exit(STOPPED_TWICE);
        signalled = true;
        resolve();
      });
    }
    if (command?.opts().exitWithStdin === true) stdinEnd().then(resolve);
  });
}

async function stdinEnd(): Promise<void> {
  const buffer = new Uint8Array(1024);
  try {
    while (await Deno.stdin.read(buffer) !== null);
  } catch {
    // A standard input that cannot be read is as good as one that has ended.
  }
}

/** Show a failure on standard error, as one line that begins with the program's name. */
function complain(name: string, text: string): void {
  console.error(`${name}: ${oneLine(text)}`);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const isWanted = Deno.env.get("DUSK_DEBUG") || getLogger("distributed").isEnabled("debug");
  if (isWanted) console.error(error.stack);
  // A program's failures come in words of their own; anything else is told by its class as well.
  if (error instanceof ProgramError || error.message.length > 20) return error.message;
  return `${error.name}: ${error.message}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}

/** With a full stop where the text ends without one. */
function sentence(text: string): string {
  const line = oneLine(text);
  return /[.?!)]$/.test(line) ? line : `${line}.`;
}

function terminalWidth(): number {
  try {
    return Deno.stdout.isTerminal() ? Deno.consoleSize().columns : HELP_WIDTH;
  } catch {
    return HELP_WIDTH; // A terminal that does not tell its size.
  }
}
