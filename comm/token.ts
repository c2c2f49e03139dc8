/**
 * The shared secret of a cluster: its form, and the key that is made of it.
 *
 * @module
 */
import { SecurityError } from "./security_error.ts";

/** Fewer characters are quickly guessed from one handshake that was listened to. */
const LEAST_CHARACTERS = 16;
/** More bytes add nothing: it is no token but some other file. */
const MOST_BYTES = 4096;

const encoder = new TextEncoder();

/**
 * Checks a token.
 *
 * @param token The text, as it was given or read from a file; white space around it does not count.
 * @returns The token.
 * @throws {SecurityError} When it is too short, too long, or has several lines.
 */
export function checkToken(token: string): string {
  const trimmed = token.trim();
  if (trimmed.length < LEAST_CHARACTERS) {
    throw new SecurityError(
      `the token has ${trimmed.length} characters and must have ${LEAST_CHARACTERS} at least: ` +
        "make one by `openssl rand -hex 32`",
    );
  }
  const bytes = encoder.encode(trimmed).length;
  if (bytes > MOST_BYTES) {
    throw new SecurityError(
      `the token has ${bytes} bytes and may have ${MOST_BYTES} at most: make one by ` +
        "`openssl rand -hex 32`",
    );
  }
  if (/\p{Cc}/u.test(trimmed)) {
    throw new SecurityError(
      "the token must be a single line of text without control characters: make one by " +
        "`openssl rand -hex 32`",
    );
  }
  return trimmed;
}
