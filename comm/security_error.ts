/**
 * The error of a cluster's protection that is set up wrong.
 *
 * @module
 */

/** A certificate, key, token or other setting of security cannot be used; the message has the remedy. */
export class SecurityError extends Error {
  /** Name of the class. */
  override readonly name = "SecurityError";
}
