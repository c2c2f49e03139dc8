/**
 * What protects a cluster: the certificates of TLS, the shared secret (token), and who may go without.
 *
 * @module
 */
import { readTlsFiles, type TlsCredentials } from "./tls_files.ts";
import { checkToken } from "./token.ts";
import { SecurityError } from "./security_error.ts";

export { SecurityError } from "./security_error.ts";
export type { TlsCredentials } from "./tls_files.ts";

/** What an endpoint of a cluster is. */
export type SecurityRole = "scheduler" | "worker" | "client";

/** Options of {@linkcode Security}. Files are paths of PEM files. */
export interface SecurityOptions {
  /** Certificates of the authorities that sign for this cluster. All `tls://` needs it. */
  tlsCaFile?: string;
  /** Ciphers that are allowed: names as OpenSSL has them, with colons between. Default: all good ones. */
  tlsCiphers?: string;
  /** Certificate of the scheduler; its key may be in the same file. */
  tlsSchedulerCert?: string;
  /** Key of the scheduler's certificate. Default: in the certificate's file. */
  tlsSchedulerKey?: string;
  /** Certificate of workers; its key may be in the same file. */
  tlsWorkerCert?: string;
  /** Key of the workers' certificate. Default: in the certificate's file. */
  tlsWorkerKey?: string;
  /** Certificate of clients; its key may be in the same file. */
  tlsClientCert?: string;
  /** Key of the clients' certificate. Default: in the certificate's file. */
  tlsClientKey?: string;
  /** Whether connections that leave the machine must be encrypted. Default: false. */
  requireEncryption?: boolean;
  /** A secret that all of the cluster know, of 16 characters at least. It never goes over the wire. */
  token?: string;
  /** Whether peers from other machines are let in with neither TLS nor token. Default: false. */
  insecure?: boolean;
}

/** How one endpoint protects its connections: what {@linkcode Security.connection} gives. */
export interface ConnectionSecurity {
  /** What this endpoint is. */
  readonly role: SecurityRole;
  /** What it presents and trusts over `tls://`; absent when it has no certificate. */
  readonly tls?: TlsCredentials;
  /** The secret, where the cluster has one. */
  readonly token?: string;
  /** Whether connections that leave the machine must be encrypted. */
  readonly requireEncryption: boolean;
  /** Whether peers from other machines are let in with neither TLS nor token. */
  readonly insecure: boolean;
}

/** Each option there is, and its kind. */
const KINDS: Readonly<Record<keyof SecurityOptions, "string" | "boolean">> = {
  tlsCaFile: "string",
  tlsCiphers: "string",
  tlsSchedulerCert: "string",
  tlsSchedulerKey: "string",
  tlsWorkerCert: "string",
  tlsWorkerKey: "string",
  tlsClientCert: "string",
  tlsClientKey: "string",
  requireEncryption: "boolean",
  token: "string",
  insecure: "boolean",
};

/** The options with each role's certificate and key. */
const FILES = {
  scheduler: ["tlsSchedulerCert", "tlsSchedulerKey"],
  worker: ["tlsWorkerCert", "tlsWorkerKey"],
  client: ["tlsClientCert", "tlsClientKey"],
} as const;

/**
 * How a cluster is protected: given alike to its scheduler, workers and clients.
 *
 * @example
 * ```ts ignore
 * const security = new Security({
 *   tlsCaFile: "ca.pem",
 *   tlsClientCert: "client.pem",
 *   requireEncryption: true,
 * });
 * await using client = await Client.connect("tls://10.0.0.1:8786", { security });
 * ```
 */
export class Security {
  readonly #options: Readonly<SecurityOptions>;
  readonly #connections = new Map<SecurityRole, ConnectionSecurity>();

  /**
   * Checks the options; files are read when they are needed first.
   *
   * @param options See {@linkcode SecurityOptions}; those that are undefined do not count.
   * @throws {SecurityError} When there is no such option, one is of the wrong kind, or they do not go
   * together.
   */
  constructor(options: SecurityOptions = {}) {
    const given: Record<string, string | boolean> = {};
    for (const [name, value] of Object.entries(options)) {
      if (value !== undefined) given[name] = checkOption(name, value);
    }
    this.#options = given;
    const { tlsCaFile, token } = this.#options;
    if (token !== undefined) given.token = checkToken(token);
    for (const [cert, key] of Object.values(FILES)) {
      if (key in given && !(cert in given)) {
        throw new SecurityError(
          `${key} is given without ${cert}: give the certificate of this key`,
        );
      }
      if (cert in given && tlsCaFile === undefined) {
        throw new SecurityError(
          `${cert} is given without tlsCaFile: give the certificate of the authority that signed it`,
        );
      }
    }
  }

  /** The options, as they were given: with the token, so do not print them. */
  get options(): Readonly<SecurityOptions> {
    return this.#options;
  }

  /** Whether there are certificates, so that addresses should begin with `tls://`. */
  get hasTls(): boolean {
    return this.#options.tlsCaFile !== undefined;
  }

  /**
   * The same with a token, where this one has none.
   *
   * @param token The token; undefined: nothing changes.
   * @returns This one, or another.
   */
  withToken(token: string | undefined): Security {
    if (token === undefined || this.#options.token !== undefined) return this;
    return new Security({ ...this.#options, token });
  }

  /**
   * Reads the files of a role; they are read once.
   *
   * @param role What the endpoint is.
   * @returns How it protects its connections.
   * @throws {SecurityError} When a file cannot be read, or does not hold what it should.
   */
  connection(role: SecurityRole): ConnectionSecurity {
    let connection = this.#connections.get(role);
    if (connection === undefined) {
      if (!Object.hasOwn(FILES, role)) {
        throw new SecurityError(
          `the role must be "scheduler", "worker" or "client", got ${JSON.stringify(role)}`,
        );
      }
      connection = this.#read(role);
      this.#connections.set(role, connection);
    }
    return connection;
  }

  #read(role: SecurityRole): ConnectionSecurity {
    const { tlsCaFile, tlsCiphers, token, requireEncryption, insecure } = this.#options;
    const [certOption, keyOption] = FILES[role];
    const cert = this.#options[certOption];
    return {
      role,
      tls: tlsCaFile === undefined || cert === undefined
        ? undefined
        : readTlsFiles({ ca: tlsCaFile, cert, key: this.#options[keyOption], ciphers: tlsCiphers }),
      token,
      requireEncryption: requireEncryption ?? false,
      insecure: insecure ?? false,
    };
  }
}

function checkOption(name: string, value: unknown): string | boolean {
  if (!Object.hasOwn(KINDS, name)) {
    const known = Object.keys(KINDS).join(", ");
    throw new SecurityError(`Security has no option "${name}"; there are ${known}`);
  }
  const kind = KINDS[name as keyof SecurityOptions];
  if (typeof value !== kind || value === "") {
    // Not shown: it may be the token.
    const expected = kind === "boolean" ? "true or false" : "a text that is not empty";
    const got = value === "" ? "an empty one" : value === null ? "null" : `a ${typeof value}`;
    throw new SecurityError(`${name} of Security must be ${expected}, got ${got}`);
  }
  return value as string | boolean;
}
