/**
 * The PEM files of TLS: reads them, and checks what can be checked before a connection is made, so that
 * a wrong file is told by its name and not by a failing handshake.
 *
 * @module
 */
import type { X509Certificate } from "node:crypto";
import process from "node:process";
import { certificateVersion } from "./certificate_version.ts";
import { SecurityError } from "./security_error.ts";
import { hasMutualTls } from "./tls_support.ts";

/** What an endpoint presents and trusts; all PEM. */
export interface TlsCredentials {
  /** Certificates of the authorities that peers' certificates must be signed by. */
  readonly ca: string;
  /** This endpoint's certificate, and those between it and the authority's. */
  readonly cert: string;
  /** The certificate's key. */
  readonly key: string;
  /** Ciphers that are allowed, as OpenSSL names them; undefined: all good ones. */
  readonly ciphers?: string;
}

/** Where the parts of {@linkcode TlsCredentials} are; `key` undefined: in the file of the certificate. */
export interface TlsFiles {
  ca: string;
  cert: string;
  key: string | undefined;
  ciphers: string | undefined;
}

/** No file of certificates is as large: a bundle of all public authorities has 0.3 MB. */
const MOST_BYTES = 4 * 1024 * 1024;
const KEY_LABELS: readonly string[] = ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY"];

/**
 * Reads and checks the files.
 *
 * @param files Paths, and the ciphers.
 * @returns What is in them.
 * @throws {SecurityError} When one cannot be read, or does not hold what it should.
 */
export function readTlsFiles({ ca, cert, key, ciphers }: TlsFiles): TlsCredentials {
  const certText = read(cert);
  const own = {
    cert: certificates(certText, cert),
    key: privateKey(key === undefined ? certText : read(key), key ?? cert),
  };
  let authorities = certificates(read(ca), ca);
  // Where it cannot be checked, no tls:// address can be used either, and its error says why.
  if (hasMutualTls()) {
    checkPair(own.cert, cert, own.key, key ?? cert);
    authorities = stillGood(authorities, ca);
  }
  return { ca: authorities, ...own, ciphers };
}

/** The authorities without those that have expired, which TLS here would go on to trust. */
function stillGood(authorities: string, path: string): string {
  let last = "";
  const good = sections(authorities).filter(({ pem }) => {
    const { validTo } = x509(pem, path);
    last = validTo;
    return Date.parse(validTo) >= Date.now();
  });
  if (good.length === 0) {
    throw new SecurityError(
      `the authority in ${path} has expired on ${last}: make a new one, and sign all certificates anew`,
    );
  }
  return good.map(({ pem }) => pem + "\n").join("");
}

/** `node:crypto`, loaded here only: it takes its time, and most programs do without TLS. */
function nodeCrypto() {
  return process.getBuiltinModule("node:crypto");
}

function x509(pem: string, path: string): X509Certificate {
  const { X509Certificate } = nodeCrypto();
  return parsed(path, "a certificate", () => new X509Certificate(pem));
}

function parsed<T>(path: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new SecurityError(
      `${path} holds ${what} that cannot be used: ${(error as Error).message}`,
      { cause: error },
    );
  }
}

/** Whether the key is that of the certificate, and the certificate is still good. */
function checkPair(cert: string, certPath: string, key: string, keyPath: string): void {
  const certificate = x509(cert, certPath);
  const privateKey = parsed(keyPath, "a private key", () => nodeCrypto().createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new SecurityError(
      `the key in ${keyPath} is not that of the certificate in ${certPath}: give those that were made ` +
        "together",
    );
  }
  if (Date.parse(certificate.validTo) < Date.now()) {
    throw new SecurityError(
      `the certificate in ${certPath} has expired on ${certificate.validTo}: sign a new one`,
    );
  }
}

function read(path: string): string {
  try {
    const { size } = Deno.statSync(path);
    if (size > MOST_BYTES) {
      throw new SecurityError(`${path} has ${size} bytes, which is no PEM file of certificates`);
    }
    return Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof SecurityError) throw error;
    throw new SecurityError(
      `cannot read the TLS file ${path}: ${(error as Error).message}; check its path and its ` +
        "permissions",
      { cause: error },
    );
  }
}

/** The sections of a PEM file: label and body. */
function sections(text: string): { label: string; pem: string; body: string }[] {
  const pattern = /-----BEGIN ([A-Z0-9 ]+)-----([^-]*)-----END \1-----/g;
  return [...text.matchAll(pattern)].map(([pem, label, body]) => ({ label, pem, body }));
}

function certificates(text: string, path: string): string {
  const found = sections(text).filter(({ label }) => label === "CERTIFICATE");
  if (found.length === 0) {
    throw new SecurityError(
      `${path} holds no certificate: give a PEM file with "-----BEGIN CERTIFICATE-----" in it`,
    );
  }
  for (const { body } of found) checkCertificate(body, path);
  return found.map(({ pem }) => pem + "\n").join("");
}

function privateKey(text: string, path: string): string {
  const found = sections(text);
  if (
    found.some(({ label }) => label === "ENCRYPTED PRIVATE KEY") ||
    /Proc-Type:.*ENCRYPTED/.test(text)
  ) {
    throw new SecurityError(
      `the key in ${path} is encrypted, and nobody is there to type its password: store it without, ` +
        `by \`openssl pkey -in ${path} -out key.pem\``,
    );
  }
  const key = found.find(({ label }) => KEY_LABELS.includes(label));
  if (key === undefined) {
    throw new SecurityError(
      `${path} holds no private key: give a PEM file with "-----BEGIN PRIVATE KEY-----" in it, or ` +
        "have the key in the file of the certificate",
    );
  }
  return key.pem + "\n";
}

/** Looks at the one thing that OpenSSL makes without a warning and that TLS here refuses: version 1. */
function checkCertificate(body: string, path: string): void {
  let der: Uint8Array;
  try {
    der = Uint8Array.from(atob(body.replace(/\s+/g, "")), (char) => char.charCodeAt(0));
  } catch (error) {
    throw new SecurityError(`${path} holds a certificate that is no base64: write it anew`, {
      cause: error,
    });
  }
  const version = certificateVersion(der);
  if (version === undefined) {
    throw new SecurityError(`${path} holds a certificate that is malformed: write it anew`);
  }
  if (version !== 3) {
    throw new SecurityError(
      `${path} holds an X.509 certificate of version ${version}, and TLS takes only version 3: sign it ` +
        "with an extension file, as in `openssl x509 -req … -extfile v3.ext`",
    );
  }
}
