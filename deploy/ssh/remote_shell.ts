/**
 * Shell scripts for other machines. The command that ssh hands to the login shell there is always the
 * same and holds nothing to quote, so it means the same to sh, bash, zsh, fish and csh. It has `sh` read
 * the script, and then whatever the script wants, from standard input, where `ps` does not see it.
 *
 * @module
 */

/** Stands alone on the line after a script. */
const END = "end-of-dusk-script";

/** The command for the login shell of any machine: runs the script that comes on standard input. */
export const RUN_SCRIPT: string =
  `exec sh -c 'eval "$(while IFS= read -r line && test "$line" != ${END}; ` +
  `do printf "%s\\n" "$line"; done)"'`;

/**
 * A script as standard input of {@linkcode RUN_SCRIPT}; what the script is to read follows it.
 *
 * @param script Lines for POSIX sh.
 */
export function scriptInput(script: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${script}\n${END}\n`);
}

/**
 * One word of a shell script, whatever is in it.
 *
 * @param text Text of the word.
 * @throws {TypeError} When it holds a NUL, which no program can be given.
 */
export function shellWord(text: string): string {
  if (text.includes("\0")) throw new TypeError(`${JSON.stringify(text)} must not hold a NUL`);
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * A path on another machine as a word of a shell script: a `~/` at its beginning is the home there.
 *
 * @param path Text of the path.
 */
export function shellPath(path: string): string {
  return path.startsWith("~/") ? `"$HOME"/${shellWord(path.slice(2))}` : shellWord(path);
}

/** What a script needs to start one of the programs on a host. */
export interface RemoteProgram {
  /** Name of the program, "dusk-worker" or "dusk-scheduler". */
  name: string;
  /** Its path on the host. Default: looked for in PATH, then in `folder`. */
  path?: string;
  /** Whether it was copied to `folder`, and nothing else will do. */
  copied: boolean;
  /** Word of the script for the folder where copied programs are. */
  folder: string;
  /** Its arguments. */
  args: readonly string[];
}

/** Exit code of a script that finds no program. */
export const NO_PROGRAM = 127;

/**
 * The script that turns into a program. It reads the cluster's token as one line, and gives it to the
 * program as a file that only the program has: a pipe in place of the descriptor 3. What follows on
 * standard input is the program's.
 *
 * @param program Which, and its arguments; `--token-file` is added.
 */
export function programScript(program: RemoteProgram): string {
  const { name, path, copied, folder, args } = program;
  const find = copied
    ? `program=${folder}/${name}`
    : path === undefined
    ? `program=$(command -v ${name}) || program=${folder}/${name}`
    : `program=${shellPath(path)}`;
  return [
    "unset token",
    "IFS= read -r token || exit 1",
    find,
    `command -v "$program" >/dev/null || exit ${NO_PROGRAM}`,
    `exec "$program" ${args.map(shellWord).join(" ")} --token-file /dev/fd/3 3<<end-of-token`,
    "$token",
    "end-of-token",
  ].join("\n");
}
