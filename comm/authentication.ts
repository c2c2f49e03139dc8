/**
 * Proof that both ends of a connection know the cluster's token, without telling it: each answers the
 * other's random challenge with a keyed hash.
 *
 * @module
 */
import type { ConnectionSecurity } from "./security.ts";

/** Bytes of a challenge. */
export const NONCE_BYTES = 32;

/** Which end of a connection: the one that opened it, or the one that accepted it. */
export type Side = "connector" | "listener";

/** The challenges of both ends. */
export type Nonces = Readonly<Record<Side, Uint8Array<ArrayBuffer>>>;

const HMAC = { name: "HMAC", hash: "SHA-256" } as const;
const encoder = new TextEncoder();
/** Keys are made once for each endpoint; with their role they say the same for all of them. */
const keys = new WeakMap<ConnectionSecurity, Promise<CryptoKey>>();

/** Makes a challenge that has never been. */
export function makeNonce(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
}

/**
 * Answers the challenges, as one end of the connection.
 *
 * @param security Has the token.
 * @param side Which end this is: so that nobody can send an end its own proof back.
 * @param nonces The challenges of both ends: so that no proof is good for another connection.
 * @param version Version of the protocol.
 * @returns The proof.
 */
export async function prove(
  security: ConnectionSecurity,
  side: Side,
  nonces: Nonces,
  version: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await keyOf(security);
  return new Uint8Array(await crypto.subtle.sign(HMAC, key, statement(side, nonces, version)));
}

/**
 * Checks a proof, in a time that tells nothing of the right one.
 *
 * @param security Has the token.
 * @param side Which end has sent it.
 * @param nonces The challenges of both ends.
 * @param version Version of the protocol.
 * @param proof What the other end sent.
 * @returns Whether it knows the token.
 */
export async function isProof(
  security: ConnectionSecurity,
  side: Side,
  nonces: Nonces,
  version: number,
  proof: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  const key = await keyOf(security);
  return await crypto.subtle.verify(HMAC, key, proof, statement(side, nonces, version));
}

/** What is hashed: of fixed length after the first part, so that no two cases look alike. */
function statement(side: Side, { connector, listener }: Nonces, version: number) {
  const head = encoder.encode(`dusk handshake ${version} ${side}\n`);
  const bytes = new Uint8Array(head.length + connector.length + listener.length);
  bytes.set(head);
  bytes.set(connector, head.length);
  bytes.set(listener, head.length + connector.length);
  return bytes;
}

function keyOf(security: ConnectionSecurity): Promise<CryptoKey> {
  let key = keys.get(security);
  if (key === undefined) {
    if (security.token === undefined) throw new TypeError("there is no token to prove");
    key = deriveKey(security.token);
    keys.set(security, key);
  }
  return key;
}

async function deriveKey(token: string): Promise<CryptoKey> {
  const { subtle } = crypto;
  const secret = await subtle.importKey("raw", encoder.encode(token), "HKDF", false, ["deriveKey"]);
  const salt = encoder.encode("dusk token");
  const info = encoder.encode("handshake");
  return await subtle.deriveKey(
    { name: "HKDF", hash: "SHA-256", salt, info },
    secret,
    { ...HMAC, length: 256 },
    false,
    ["sign", "verify"],
  );
}
