/**
 * Which version of X.509 a certificate is of.
 *
 * @module
 */

/**
 * Reads the version of a certificate.
 *
 * @param der The certificate, as DER.
 * @returns 1, 2 or 3; undefined when it is malformed.
 */
export function certificateVersion(der: Uint8Array): number | undefined {
  // Certificate ::= SEQUENCE { TBSCertificate ::= SEQUENCE { [0] version, … }, … }
  const inner = der[0] === 0x30 ? contentAt(der, 0) : -1;
  const first = inner >= 0 && der[inner] === 0x30 ? contentAt(der, inner) : -1;
  if (first < 0 || first + 4 >= der.length) return undefined;
  // Left out when it is 1; a 2 stands for version 3.
  return der[first] === 0xa0 ? der[first + 4] + 1 : 1;
}

/** Where the content of a DER element begins. */
function contentAt(der: Uint8Array, position: number): number {
  const length = der[position + 1];
  return position + 2 + (length >= 0x80 ? length & 0x7f : 0);
}
