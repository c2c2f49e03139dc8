/**
 * From an address, a cluster or nothing to a session with a scheduler.
 *
 * @module
 */
import { normalizeAddress } from "../comm/addresses.ts";
import { connect } from "../comm/comm.ts";
import { ConnectionPool } from "../comm/connection_pool.ts";
import { type ConnectionSecurity, Security } from "../comm/security.ts";
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
  /** Certificates and token. Default: those of the cluster, when one is given and not its address. */
  security?: Security;
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

/**
 * Connect to a cluster; see `Client.connect`.
 *
 * @param cluster Its scheduler's address, or the cluster; undefined: start one in this process.
 * @param options See {@linkcode ClientOptions}.
 */
export async function openConnection(
  cluster: string | ClusterLike | undefined,
  options: ClientOptions,
): Promise<Connection> {
  const known = ["name", "timeout", "direct", "console", "onConsole", "security"];
  checkNames(options, known, "Client.connect()");
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
  if (cluster !== undefined) {
    const address = normalizeAddress(addressOf(cluster));
    const security = options.security ??
      (typeof cluster === "string" ? undefined : cluster.security);
    const tools = programTools(security?.connection("client"));
    return { session: await Session.open({ ...settings, address }, tools), cluster: undefined };
  }
  // Loaded here only: a program that connects to a remote scheduler loads no scheduler.
  const { LocalCluster } = await import("../deploy/local_cluster.ts");
  const { security } = options;
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
