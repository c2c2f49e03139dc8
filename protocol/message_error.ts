/**
 * The error of messages that cannot be packed or unpacked.
 *
 * @module
 */

/** A message cannot be packed, or the frames of one cannot be unpacked. */
export class MessageError extends Error {
  /** The name of this class. */
  override readonly name = "MessageError";
}

/** Longest text of a peer's that is repeated in an error. */
const LONGEST_QUOTE = 60;

/** What a peer sent in place of a name, for an error. */
export function quoted(value: unknown): string {
  if (typeof value !== "string") return value === null ? "null" : `a ${typeof value}`;
  return JSON.stringify(value.length > LONGEST_QUOTE ? `${value.slice(0, LONGEST_QUOTE)}…` : value);
}

/** The error itself if it is a {@linkcode MessageError}, otherwise one that says what failed and has it as cause. */
export function asMessageError(error: unknown, what: string): MessageError {
  if (error instanceof MessageError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new MessageError(`${what}: ${reason}`, { cause: error });
}
