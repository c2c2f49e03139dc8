/**
 * Runs the program `deno`: this one, or that of the PATH.
 *
 * @module
 */

/** There is no `deno` here, or it may not be run. */
export class NoDenoError extends Error {
  /** Name of the class. */
  override readonly name = "NoDenoError";
}

/** What a `deno` has left. */
export interface DenoOutcome {
  success: boolean;
  stdout: string;
  stderr: string;
}

/**
 * Run `deno`.
 *
 * @param args Its arguments.
 * @param cwd Its working directory.
 * @param signal Ends it.
 * @throws {NoDenoError} When there is none.
 */
export async function runDeno(
  args: string[],
  cwd: string,
  signal?: AbortSignal,
): Promise<DenoOutcome> {
  // The program itself may not be deno: it may be a compiled one. And "--allow-run=deno" names the one on
  // the PATH, which can be another file.
  const isDeno = !Deno.build.standalone && /deno(?:\.exe)?$/.test(Deno.execPath());
  let refused: unknown;
  for (const program of isDeno ? [Deno.execPath(), "deno"] : ["deno"]) {
    try {
      const env = { NO_COLOR: "1", DENO_NO_UPDATE_CHECK: "1" };
      const command = new Deno.Command(program, { args, cwd, env, stdin: "null", signal });
      const { success, stdout, stderr } = await command.output();
      signal?.throwIfAborted();
      const decoder = new TextDecoder();
      return { success, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
    } catch (error) {
      const { NotCapable, NotFound } = Deno.errors;
      if (!(error instanceof NotCapable || error instanceof NotFound)) throw error;
      refused = error;
    }
  }
  const cause = { cause: refused };
  if (refused instanceof Deno.errors.NotCapable) {
    throw new NoDenoError(
      'bundling runs "deno", and this program may not run other programs: start it with ' +
        "--allow-run=deno",
      cause,
    );
  }
  throw new NoDenoError(
    "bundling takes the program deno, which is not on the PATH: install Deno, or submit one plain " +
      "JavaScript file (.js) that imports nothing but Dusk",
    cause,
  );
}
