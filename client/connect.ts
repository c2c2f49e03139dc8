/**
 * From an address, a cluster or nothing to a session with a scheduler.
 *
 * @module
 */
import { normalizeAddress } from "../comm/addresses.ts";
import { connect } from "../comm/comm.ts";
import { ConnectionPool } from "../comm/connection_pool.ts";
import { defaultSecurity } from "../comm/default_security.ts";
import { type ConnectionSecurity, Security } from "../comm/security.ts";
import { configured, withDefaults } from "../config/configured.ts";
import { waitForSchedulerFile } from "../config/scheduler_file.ts";
import { Capture } from "../protocol/functions/capture.ts";
import { ModuleBundler } from "./modules/module_bundler.ts";
import { printToConsole } from "./print_to_console.ts";
import { type ConsoleMessage, Session } from "./session.ts";
import type { SessionTools } from "./session_tools.ts";
import {
  checkBoolean,
  checkNames,
  checkSeconds,
  OptionError,
  refuseOption,
} from "./task_options.ts";

/** A cluster that a client can connect to, such as a `LocalCluster`. */
export interface ClusterLike {
  /** Address of its scheduler. */
  readonly schedulerAddress: string;
  /** How it is protected: its certificates and token. */
  readonly security?: Security;
}

/** Options of {@linkcode Client.connect}. */
export interface ClientOptions {
  /** What the scheduler calls the client; by default a random name. */
  name?: string;
  /** Seconds to try to connect, and to connect again when the connection is lost. Default: 10. */
  timeout?: number;
  /**
   * Whether data goes straight between client and workers (true) or through the scheduler (false).
   * Default: straight where the workers can be reached.
   */
  direct?: boolean;
  /** Whether what tasks write to their console is written to this one's. Default: true. */
  console?: boolean;
  /** Takes what tasks write to their console, in the place of this one's. */
  onConsole?: (message: ConsoleMessage) => unknown;
  /**
   * Certificates and token. Default: those of the cluster, when one is given and not its address; else
   * those of the program's settings. A token in the scheduler file is used where this has none.
   */
  security?: Security;
  /**
   * File in which the scheduler says where it is, in the place of an address; within the `timeout` it is
   * waited for. Default: that of the program's settings.
   */
  schedulerFile?: string;
}

/** A cluster that the client has started itself, and closes. */
export interface OwnedCluster extends ClusterLike {
  close(): Promise<void>;
}

/** A connection: what all views of a client share. */
export interface Connection {
  readonly session: Session;
  /** The cluster that was started for this client, and that ends with it. */
  readonly cluster: OwnedCluster | undefined;
}

const defaultTimeout = 10;
/** Connections that are kept open at most, to all workers together and to the scheduler. */
const workerConnections = 256;
const schedulerConnections = 32;
/** Seconds after which a worker counts as out of reach, and the scheduler is asked in its place. */
const workerConnectTimeout = 2;

/** What a session of a program works with. */
function programTools(security: ConnectionSecurity | undefined): SessionTools {
  const modules = new ModuleBundler();
  return {
    capture: new Capture(modules),
    bundleUpload: (path) => modules.bundleUpload(path),
    workers: new ConnectionPool({
      limit: workerConnections,
      connectTimeout: workerConnectTimeout,
      connect: { reachTimeout: workerConnectTimeout, security },
    }),
    scheduler: new ConnectionPool({ limit: schedulerConnections, connect: { security } }),
    connect: (address, options) => connect(address, { ...options, security }),
  };
}

/** Whom to connect to, and how it is protected. */
interface Target {
  readonly address: string;
  readonly security: Security | undefined;
}

/**
 * Connect to a cluster; see `Client.connect`.
 *
 * @param first The scheduler's address, or the cluster; undefined: start one in this process. Options may
 * stand in its place.
 * @param second See {@linkcode ClientOptions}.
 */
export async function openConnection(
  first: string | ClusterLike | ClientOptions | undefined,
  second: ClientOptions = {},
): Promise<Connection> {
  const [cluster, given] = isOptions(first)
    ? [undefined, { ...first, ...second }]
    : [first, second];
  const known = ["name", "timeout", "direct", "console", "onConsole", "security", "schedulerFile"];
  checkNames(given, known, "Client.connect()");
  const options = withDefaults(given, configured()?.client);
  const { name, onConsole } = options;
  if (name !== undefined && (typeof name !== "string" || name === "")) {
    refuseOption("name", name, "a text that is not empty");
  }
  if (onConsole !== undefined && typeof onConsole !== "function") {
    refuseOption("onConsole", onConsole, "a function");
  }
  if (options.security !== undefined && !(options.security instanceof Security)) {
    refuseOption("security", options.security, "a Security");
  }
  const wantsConsole = checkBoolean("console", options.console) ?? true;
  const settings = {
    id: name ?? `Client-${crypto.randomUUID()}`,
    timeout: checkSeconds("timeout", options.timeout) ?? defaultTimeout,
    direct: checkBoolean("direct", options.direct),
    onConsole: onConsole ?? (wantsConsole ? printToConsole : undefined),
  };
  const target = await targetOf(cluster, options, settings.timeout);
  if (target !== undefined) {
    const { address, security } = target;
    const tools = programTools(security?.connection("client"));
    return { session: await Session.open({ ...settings, address }, tools), cluster: undefined };
  }
  // Loaded here only: a program that connects to a remote scheduler loads no scheduler.
  const { LocalCluster } = await import("../deploy/local_cluster.ts");
  const security = options.security ?? defaultSecurity();
  const own = await LocalCluster.create({ security });
  try {
    const { schedulerAddress: address } = own;
    const tools = programTools(security?.connection("client"));
    return { session: await Session.open({ ...settings, address }, tools), cluster: own };
  } catch (error) {
    await own.close();
    throw error;
  }
}

/** The scheduler to connect to; undefined: none was named. */
async function targetOf(
  cluster: string | ClusterLike | undefined,
  { security, schedulerFile }: ClientOptions,
  timeout: number,
): Promise<Target | undefined> {
  if (schedulerFile !== undefined && (typeof schedulerFile !== "string" || schedulerFile === "")) {
    refuseOption("schedulerFile", schedulerFile, "the path of a file");
  }
  if (cluster !== undefined) {
    if (schedulerFile !== undefined) {
      throw new OptionError(
        `Client.connect(): both a cluster and the schedulerFile ${JSON.stringify(schedulerFile)} ` +
          "are given; leave one of them out",
      );
    }
    const address = normalizeAddress(addressOf(cluster));
    const own = typeof cluster === "string" ? undefined : cluster.security;
    return { address, security: security ?? own ?? defaultSecurity() };
  }
  const settings = configured()?.settings;
  const address = settings?.["client.scheduler"];
  if (schedulerFile === undefined && address !== undefined) {
    return { address: normalizeAddress(address), security: security ?? defaultSecurity() };
  }
  const file = schedulerFile ?? settings?.["scheduler-file"];
  if (file === undefined) return undefined;
  const found = await waitForSchedulerFile(file, { timeout });
  const { token } = found;
  const own = (security ?? defaultSecurity())?.withToken(token) ??
    (token === undefined ? undefined : new Security({ token }));
  return { address: found.address, security: own };
}

function isOptions(
  first: string | ClusterLike | ClientOptions | undefined,
): first is ClientOptions {
  return typeof first === "object" && first !== null && !("schedulerAddress" in first);
}

function addressOf(cluster: string | ClusterLike): string {
  if (typeof cluster === "string") return cluster;
  const address = cluster?.schedulerAddress;
  if (typeof address === "string") return address;
  throw new OptionError(
    `Client.connect(): the cluster is ${
      cluster === null ? "null" : typeof cluster
    }, but must be an ` +
      `address such as "127.0.0.1:8786" or an object with a schedulerAddress`,
  );
}
