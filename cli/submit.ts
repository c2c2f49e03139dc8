/**
 * `dusk-submit`: has a script run at a cluster, and ends as it does.
 *
 * @module
 */
import { ConnectTimeoutError } from "../comm/comm.ts";
import { type ScriptResult, submitScript } from "../deploy/remote/submit_script.ts";
import {
  addExamples,
  type Command,
  commandLine,
  type ExitCode,
  ProgramError,
  runProgram,
  stopSignal,
  UsageError,
  wholeNumber,
} from "./command_line.ts";
import { defaultScheme, programSecurity, withScheme } from "./endpoint.ts";
import {
  addConfigFlags,
  addSecurityFlags,
  prepareProgram,
  programSettings,
} from "./setting_flags.ts";

/** Exit code of a program that Ctrl-C has ended. */
const INTERRUPTED = 130;
/** Seconds that it is tried to connect. */
const TIMEOUT = 10;

function describeCommandLine(): Command {
  const command = commandLine(
    "dusk-submit",
    "Run a script at a Dusk cluster. REMOTE is the address of the dusk-remote there. The script goes\n" +
      "with the local modules and packages that it imports; what it prints is printed here, and its\n" +
      "exit code is this program's. Ctrl-C ends it.",
  ).usage("[options] REMOTE:PORT SCRIPT [ARGS...]")
    .argument("[remote]").argument("[script]").argument("[args...]")
    // What stands behind the script is the script's.
    .passThroughOptions();
  command.optionsGroup("Script:")
    .option("--stdin", "Send standard input to the script. Default: it has none.")
    .option(
      "--connect-timeout <seconds>",
      "How long to try to connect. Default: 10.",
      wholeNumber(1, 86_400),
    );
  addSecurityFlags(command, "client");
  addConfigFlags(command);
  addExamples(command, [
    ["A script with an argument", "dusk-submit --token-file token 192.168.0.1:8788 script.ts 2026"],
    [
      "One that reads its input",
      "dusk-submit --token-file token --stdin head:8788 clean.ts <raw.csv >clean.csv",
    ],
  ]);
  return command;
}

async function main(command: Command): Promise<ExitCode> {
  const settings = await programSettings(command);
  if (await prepareProgram(command, settings)) return 0;

  const [remote, script, ...args] = command.args;
  if (remote === undefined || script === undefined) {
    throw new UsageError(
      "the remote or the script is not named: give both, such as dusk-submit 192.168.0.1:8788 script.ts",
    );
  }
  const { stdin, connectTimeout = TIMEOUT } = command.opts();
  const interrupt = new AbortController();
  stopSignal(command).then(() => interrupt.abort());
  let result: ScriptResult;
  try {
    result = await submitScript(withScheme(remote, defaultScheme(settings, "client")), script, {
      args,
      security: programSecurity(settings, "client"),
      timeout: connectTimeout,
      stdin: stdin === true ? Deno.stdin.readable : undefined,
      signal: interrupt.signal,
    });
  } catch (error) {
    if (interrupt.signal.aborted) return INTERRUPTED;
    if (!(error instanceof ConnectTimeoutError)) throw error;
    throw new ProgramError(
      `${error.message}; start dusk-remote there, or give it longer with --connect-timeout`,
      { cause: error },
    );
  }
  if (interrupt.signal.aborted) return INTERRUPTED;
  const { code, reason } = result;
  if (reason !== undefined) console.error(`dusk-submit: the script was ended: ${reason}`);
  return code;
}

if (import.meta.main) await runProgram(describeCommandLine(), main);
