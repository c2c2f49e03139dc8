/**
 * What is wrong with a setting, and where it was given.
 *
 * @module
 */

/**
 * A setting that cannot be used: its name is unknown, its value makes no sense, or the file it is in
 * cannot be read. The message is one sentence that names the place.
 */
export class ConfigError extends Error {
  /** Name of the class. */
  override readonly name = "ConfigError";
  /** Where the setting was given, such as `/etc/dusk/a.yaml:3:5` or `--port`. */
  readonly place: string;

  /**
   * An error about one place.
   *
   * @param place Where.
   * @param what What is wrong there, and what is expected.
   * @param options The cause.
   */
  constructor(place: string, what: string, options?: ErrorOptions) {
    super(what.startsWith(`${place} `) ? what : `${place}: ${what}`, options);
    this.place = place;
  }
}

/** A value as messages show it: short, and on one line. */
export function show(value: unknown): string {
  const text = typeof value === "string"
    ? JSON.stringify(value)
    : typeof value === "object" && value !== null
    ? Array.isArray(value) ? "a list" : "a map"
    : String(value);
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}
