/**
 * Whether this Deno can do TLS with certificates on both sides.
 *
 * @module
 */

/** The first version in which a server of `node:tls` asks clients for their certificate. */
const FIRST = [2, 9] as const;

/**
 * Tells whether a version of Deno can do it. Versions before it do not fail: they ask no client for a
 * certificate, and let everybody in. So nothing less than the version is gone by.
 *
 * @param version Of Deno; default: this one.
 * @returns True when it can.
 */
export function hasMutualTls(version: string = Deno.version.deno): boolean {
  const [major, minor] = version.split(".").map(Number);
  return major > FIRST[0] || (major === FIRST[0] && minor >= FIRST[1]);
}

/**
 * What to say when it cannot.
 *
 * @param address The address that wants it.
 * @param version Of Deno.
 * @returns A sentence.
 */
export function lacksMutualTls(address: string, version: string): string {
  return `${address} needs TLS with certificates on both sides, which takes Deno ${
    FIRST.join(".")
  } or ` +
    `later, and this is ${version}: run Dusk by a newer Deno, or protect the cluster by a token`;
}
