/**
 * A file that the log is appended to, which may be rotated meanwhile by copying and emptying it.
 *
 * @module
 */
import { ConfigError } from "./config_error.ts";

const encoder = new TextEncoder();

/**
 * Opens a log file; it is made when it is not there. It stays open as long as the program runs.
 *
 * @param path The file.
 * @param place Where its name comes from, for the error.
 * @returns Appends one line.
 * @throws {ConfigError} When it cannot be written.
 */
export function openLogFile(path: string, place: string): (line: string) => void {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path, { append: true, create: true });
  } catch (error) {
    throw new ConfigError(
      place,
      `log-file ${JSON.stringify(path)} cannot be written: ${
        (error as Error).message
      }; name a file ` +
        "in a folder that is there and that this user may write to",
      { cause: error },
    );
  }
  return (line) => {
    try {
      for (let rest = encoder.encode(`${line}\n`); rest.length > 0;) {
        rest = rest.subarray(file.writeSync(rest));
      }
    } catch {
      // A full disk, say: what happens meanwhile must not be lost as well.
      console.error(line);
    }
  };
}
