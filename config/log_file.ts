/**
 * A file that the log is appended to, which may be rotated meanwhile.
 *
 * @module
 */
import { ConfigError } from "./config_error.ts";

/**
 * A log file; it is made when it is not there. Each line is appended by its name, so that the file may be
 * renamed or emptied meanwhile.
 *
 * @param path The file.
 * @param place Where its name comes from, for the error.
 * @returns Appends one line.
 * @throws {ConfigError} When it cannot be written.
 */
export function openLogFile(path: string, place: string): (line: string) => void {
  const append = (text: string) => Deno.writeTextFileSync(path, text, { append: true });
  try {
    append("");
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
      append(`${line}\n`);
    } catch {
      // A full disk, say: what happens meanwhile must not be lost as well.
      console.error(line);
    }
  };
}
