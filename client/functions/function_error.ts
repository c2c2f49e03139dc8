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
   */
  constructor(message: string) {
    super(message);
    this.name = "FunctionError";
  }
}

/** A function that uses names which mean nothing on a worker: variables or imports of its module. */
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
    const [is, a, it] = names.length === 1
      ? ["is neither", "a parameter, a local nor a standard global", "it"]
      : ["are neither", "parameters, locals nor standard globals", "them"];
    const remedy = names.includes(functionName)
      ? `write it as "function ${functionName}(…) {…}" so that it can call itself`
      : `pass ${it} as an argument`;
    const who = functionName === "" ? "the anonymous function" : `function ${functionName}`;
    super(`${who} uses ${quoted}, which ${is} ${a}; ${remedy}`);
    this.name = "FreeNameError";
    this.names = names;
  }
}
