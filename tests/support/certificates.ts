/**
 * Certificates for tests, made by `openssl` in a folder of their own: as docs/security.md tells people to
 * make them.
 *
 * @module
 */
import { Security, type SecurityOptions } from "../../comm/security.ts";

/** Paths of a certificate and its key. */
export interface Certificate {
  cert: string;
  key: string;
}

/** An authority, and certificates that it has signed. */
export interface Authority extends Certificate {
  /** Signs a certificate; `days` below 0 makes it one that has expired. */
  sign(name: string, options?: { days?: number; extensions?: string }): Promise<Certificate>;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
const V3 = "subjectAltName=DNS:dusk\nextendedKeyUsage=serverAuth,clientAuth\n";

let folder: string | undefined;
const authorities = new Map<string, Promise<Authority>>();

async function openssl(...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("openssl", {
    args,
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(`openssl ${args[0]}: ${new TextDecoder().decode(stderr)}`);
}

/** A path in a folder that goes when the tests are over. */
function path(name: string): string {
  if (folder === undefined) {
    folder = Deno.makeTempDirSync({ prefix: "dusk-certificates-" });
    globalThis.addEventListener("unload", () => Deno.removeSync(folder!, { recursive: true }));
  }
  return `${folder}/${name}`;
}

/** An authority; of the same name: the same one. */
export function authority(name = "ca"): Promise<Authority> {
  let made = authorities.get(name);
  if (made === undefined) authorities.set(name, made = makeAuthority(name));
  return made;
}

async function makeAuthority(name: string): Promise<Authority> {
  const own = { cert: path(`${name}.pem`), key: path(`${name}-key.pem`) };
  const subject = ["-subj", `/CN=${name}`];
  const out = ["-keyout", own.key, "-out", own.cert, "-days", "30"];
  await openssl("req", "-x509", ...NEW_KEY, ...out, ...subject);
  return { ...own, sign: (subject, options) => sign(own, subject, options) };
}

let serial = 1;

/** Signs a certificate with any other, whether that is an authority's or not. */
export async function sign(
  by: Certificate,
  name: string,
  { days = 30, extensions = V3 }: { days?: number; extensions?: string } = {},
): Promise<Certificate> {
  const number = serial++;
  const base = path(`${name}-${number}`);
  const signed = { cert: `${base}.pem`, key: `${base}-key.pem` };
  await openssl(
    ...["req", ...NEW_KEY, "-keyout", signed.key, "-out", `${base}.csr`],
    ...["-subj", `/CN=${name}`],
  );
  await Deno.writeTextFile(`${base}.ext`, extensions);
  const ext = extensions === "" ? [] : ["-extfile", `${base}.ext`];
  await openssl(
    ...["x509", "-req", "-in", `${base}.csr`, "-out", signed.cert, "-days", String(days)],
    ...["-CA", by.cert, "-CAkey", by.key, "-set_serial", String(number), ...ext],
  );
  return signed;
}

let shared: Promise<SecurityOptions> | undefined;

/** Options of a whole cluster's TLS: an authority, and one certificate for all. */
export function tlsOptions(): Promise<SecurityOptions> {
  return shared ??= (async () => {
    const ca = await authority();
    const { cert, key } = await ca.sign("cluster");
    return {
      tlsCaFile: ca.cert,
      tlsSchedulerCert: cert,
      tlsSchedulerKey: key,
      tlsWorkerCert: cert,
      tlsWorkerKey: key,
      tlsClientCert: cert,
      tlsClientKey: key,
    };
  })();
}

/** A cluster's TLS. */
export async function tlsSecurity(more: SecurityOptions = {}): Promise<Security> {
  return new Security({ ...await tlsOptions(), ...more });
}
