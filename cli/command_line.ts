/**
 * What the programs share: their command line (commander, wrapped here), their exit codes, and how
 * they end. Bad usage is one line on standard error and exit code 2; a failure is one line and exit
 * code 1; a signal makes a program leave cleanly with exit code 0.
 *
 * @module
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "npm:commander@15.1.0";
import { version } from "../config/version.ts";

export { Command, Option };

/** A failure that the user can understand and act on: shown as one line, without a stack. */
export class ProgramError extends Error {
  override name = "ProgramError";
}

/** How to end: with this exit code, after everything was closed. */
export type ExitCode = number;

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
    .version(version, "--version", "Show the version and exit.")
    .helpOption("--help", "Show this message and exit.")
    .allowExcessArguments(false)
    .showSuggestionAfterError(false)
    .exitOverride()
    .configureOutput({ outputError: () => {} });
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

/**
 * Run a program: call `main` with the parsed command line, then exit with the code it gives.
 *
 * @param command The command line, see {@linkcode commandLine}.
 * @param main The program; its result is the exit code. A {@linkcode ProgramError} that it throws is
 *   shown as one line.
 */
export async function runProgram(
  command: Command,
  main: (command: Command) => Promise<ExitCode>,
): Promise<never> {
  const name = command.name();
  try {
    command.parse(Deno.args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) Deno.exit(0);
    complain(name, `${oneLine(error.message).replace(/^error: /, "")} Try '${name} --help'.`);
    Deno.exit(2);
  }
  try {
    Deno.exit(await main(command));
  } catch (error) {
    complain(name, oneLine(describe(error)));
    Deno.exit(1);
  }
}

/**
 * Listen to SIGINT (Ctrl-C) and SIGTERM. To be called before the program starts anything, so that it
 * leaves cleanly from then on. A second signal ends the program at once.
 *
 * @returns Resolves at the first signal.
 */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let signalled = false;
    const onSignal = () => {
      if (signalled) Deno.exit(130);
      signalled = true;
      resolve();
    };
    Deno.addSignalListener("SIGINT", onSignal);
    if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", onSignal);
  });
}

/**
 * End this process as soon as its standard input ends. Whoever starts a program with a pipe to its
 * standard input so takes it along when it dies, however suddenly.
 */
export async function exitWithStdin(): Promise<never> {
  const buffer = new Uint8Array(1024);
  try {
    while (await Deno.stdin.read(buffer) !== null);
  } catch {
    // A standard input that cannot be read is as good as one that has ended.
  }
  Deno.exit(0);
}

function complain(name: string, text: string): void {
  console.error(`${name}: ${text}`);
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // A program's failures come in words of their own; anything else is told by its class as well.
  if (error instanceof ProgramError || error.message.length > 20) return error.message;
  return `${error.name}: ${error.message}`;
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, " ").trim();
}
