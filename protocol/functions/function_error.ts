/**
 * The errors of `submit` and `map` about the function they were given.
 *
 * @module
 */

/** A function that cannot be sent to a worker. The message says why, and what to do instead. */
export class FunctionError extends TypeError {
  /**
   * Make the error.
   *
   * @param message What is wrong with the function and what to do instead.
   * @param options The cause, if another error led to this one.
   */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "FunctionError";
  }
}

/** A function that uses names which mean nothing: they are neither declared nor standard globals. */
export class FreeNameError extends FunctionError {
  /** The names, in the order in which they appear in the function. */
  readonly names: readonly string[];

  /**
   * Make the error.
   *
   * @param functionName Name of the function, "" for an anonymous one.
   * @param names The free names.
   */
  constructor(functionName: string, names: readonly string[]) {
    const quoted = names.map((name) => `"${name}"`).join(", ");
    const [is, it] = names.length === 1
      ? ["is not defined: it is neither a variable nor a standard global", "it"]
      : ["are not defined: they are neither variables nor standard globals", "them"];
    const who = functionName === "" ? "the anonymous function" : `function ${functionName}`;
    super(`${who} uses ${quoted}, which ${is}; declare ${it}, or pass ${it} as an argument`);
    this.name = "FreeNameError";
    this.names = names;
  }
}
