/**
 * What `node:tls` is given: the modules themselves, certificates and ciphers.
 *
 * @module
 */
import type { SecureContext, SecureContextOptions, TLSSocket } from "node:tls";
import type { ConnectionSecurity, TlsCredentials } from "./security.ts";
import { certificateVersion } from "./certificate_version.ts";
import { SecurityError } from "./security_error.ts";
import { hasMutualTls, lacksMutualTls } from "./tls_support.ts";
import { certificateProblem } from "./tls_words.ts";

/** The modules, loaded when TLS is wanted first: most programs do without. */
export interface TlsModules {
  readonly tls: typeof import("node:tls");
  readonly net: typeof import("node:net");
}

let modules: Promise<TlsModules> | undefined;

/** Loads the modules, once. */
export function loadTls(): Promise<TlsModules> {
  return modules ??= (async () => {
    const [tls, net] = await Promise.all([import("node:tls"), import("node:net")]);
    return { tls, net };
  })();
}

/**
 * Checks that there is all that `tls://` needs.
 *
 * @param address The address, for errors.
 * @param security What the endpoint has.
 * @param deno Version of Deno; default: this one's.
 * @returns Its certificate.
 * @throws {SecurityError} When it has none, or this Deno is too old.
 */
export function tlsCredentials(
  address: string,
  security: ConnectionSecurity | undefined,
  deno: string = Deno.version.deno,
): TlsCredentials {
  if (!hasMutualTls(deno)) throw new SecurityError(lacksMutualTls(address, deno));
  if (security?.tls === undefined) {
    const role = security?.role;
    const cert = role === undefined ? "" : `, tls${role[0].toUpperCase()}${role.slice(1)}Cert`;
    throw new SecurityError(
      `${address} needs a certificate and its authority's: give --tls-ca-file, --tls-cert and ` +
        `--tls-key, or a Security with tlsCaFile${cert}`,
    );
  }
  return security.tls;
}

/**
 * What `node:tls` is given on either side.
 *
 * @param tls The module.
 * @param credentials The endpoint's certificate.
 * @returns The options.
 * @throws {SecurityError} When a cipher is unknown.
 */
export function contextOptions(
  tls: TlsModules["tls"],
  { ca, cert, key, ciphers }: TlsCredentials,
): SecureContextOptions {
  const names = cipherNames(ciphers);
  const known = tls.getCiphers().map((name) => name.toUpperCase());
  for (const name of names) {
    if (!known.includes(name)) {
      throw new SecurityError(
        `tlsCiphers names ${JSON.stringify(name)}, which there is not; there are ${
          known.join(", ")
        }`,
      );
    }
  }
  const wants = (version: "TLSv1.3" | "TLSv1.2") =>
    names.length === 0 || names.some((name) => name.startsWith("TLS_") === (version === "TLSv1.3"));
  return {
    ca,
    cert,
    key,
    ciphers: names.length === 0 ? undefined : names.join(":"),
    minVersion: wants("TLSv1.2") ? "TLSv1.2" : "TLSv1.3",
    maxVersion: wants("TLSv1.3") ? "TLSv1.3" : "TLSv1.2",
  };
}

const contexts = new WeakMap<TlsCredentials, SecureContext>();

/**
 * What connections are made with. To make it takes milliseconds, so it is made once.
 *
 * @param tls The module.
 * @param credentials The endpoint's certificate.
 * @returns The context.
 * @throws {SecurityError} When a cipher is unknown.
 */
export function secureContext(tls: TlsModules["tls"], credentials: TlsCredentials): SecureContext {
  let context = contexts.get(credentials);
  if (context === undefined) {
    context = tls.createSecureContext(contextOptions(tls, credentials));
    contexts.set(credentials, context);
  }
  return context;
}

/**
 * Looks at a connection whose TLS handshake is done: at the peer's certificate, and at the cipher, since
 * Deno goes by its own order among those of TLS 1.3.
 *
 * @param socket The connection.
 * @param credentials The endpoint's certificate, and its ciphers.
 * @returns Why the peer is not accepted; undefined: it is.
 */
export function peerProblem(
  socket: TLSSocket,
  { ciphers }: TlsCredentials,
): string | undefined {
  // Where a session is taken up again, Deno checks no certificate, and says that it was good even if it
  // was refused before. Dusk's own connections are all new ones. A Deno that does not tell lets nobody in.
  if (socket.isSessionReused?.() !== false) {
    return "the peer takes up a TLS session of before: open a new one for each connection";
  }
  // Whatever is not said to be authorized, for whichever reason, is not.
  if (socket.authorized !== true) return certificateProblem(socket.authorizationError);
  // Deno lets certificates of version 1 through, and does not check that who shows one has its key.
  const { raw } = socket.getPeerCertificate();
  if (raw === undefined || certificateVersion(raw) !== 3) {
    return certificateProblem("UNSUPPORTED_VERSION");
  }
  const names = cipherNames(ciphers);
  const { name } = socket.getCipher();
  if (names.length === 0 || names.includes(name.toUpperCase())) return undefined;
  return `the connection got the cipher ${name}, and only ${
    names.join(":")
  } may be used: allow it, or ` +
    "leave out the ciphers of TLS 1.3, of which Deno itself chooses one";
}

function cipherNames(ciphers: string | undefined): string[] {
  return (ciphers ?? "").split(":").map((name) => name.trim().toUpperCase())
    .filter((name) => name !== "");
}
