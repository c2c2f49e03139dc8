/**
 * What is wrong with a script that is to be sent.
 *
 * @module
 */

/** A script cannot be sent: it is not there, or something in it cannot be bundled. */
export class ScriptError extends Error {
  /** Name of the class. */
  override readonly name = "ScriptError";
}
