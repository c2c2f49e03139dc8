/**
 * The errors of TLS in words that say what to do.
 *
 * @module
 */
import { CommClosedError, HandshakeError } from "./transport.ts";

/** What is wrong with a certificate of the peer, by the code of the check. */
const CERTIFICATE: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "has expired: sign it a new one",
  CERT_NOT_YET_VALID: "is not valid yet: look at the clocks of both machines",
  UNABLE_TO_GET_ISSUER_CERT:
    "is missing: give it one that this side's authority (tls.ca-file) signed",
  UNSUPPORTED_VERSION: "is not of version 3 of X.509: sign it one with `-extfile`",
  INVALID_PURPOSE: "is for another purpose: sign one for client and server authentication",
};
const UNTRUSTED = "is not signed by the authority that this side trusts (tls.ca-file)";

/** Codes that say that the connection is gone, and nothing about TLS. */
const GONE: readonly string[] = ["ECONNRESET", "EPIPE", "ECONNABORTED", "ETIMEDOUT", "ENOTCONN"];

/**
 * Why a peer's certificate is not accepted.
 *
 * @param code The code of the check.
 * @returns A sentence.
 */
export function certificateProblem(code: unknown): string {
  const what = CERTIFICATE[String(code)] ?? `${UNTRUSTED}; the check says ${String(code)}`;
  return `the peer's certificate ${what}`;
}

/**
 * Puts an error of a TLS socket into words.
 *
 * @param error What the socket emitted.
 * @returns {@linkcode CommClosedError} when the connection is gone; {@linkcode HandshakeError} when the two
 * ends do not come to terms.
 */
export function describeTlsError(error: unknown): Error {
  if (!(error instanceof Error)) return new HandshakeError(String(error));
  const code = String((error as { code?: unknown }).code ?? "");
  const { message } = error;
  if (GONE.includes(code)) {
    return new CommClosedError(`the connection was lost (${code})`, { cause: error });
  }
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") {
    const text = "the peer does not speak TLS: use a tls:// address on both sides";
    return new HandshakeError(text, { cause: error });
  }
  const alert = /fatal alert: (\w+)/.exec(message)?.[1];
  if (alert !== undefined) {
    const about = /Certificate|UnknownCA/.test(alert)
      ? "the peer does not accept this side's certificate"
      : "the peer ends the TLS handshake";
    return new HandshakeError(`${about} (alert ${alert})`, { cause: error });
  }
  if (code in CERTIFICATE || /CERT|ISSUER|LEAF/.test(code)) {
    return new HandshakeError(certificateProblem(code), { cause: error });
  }
  return new HandshakeError(`TLS fails: ${message}`, { cause: error });
}
