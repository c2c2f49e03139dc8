/**
 * SSHCluster: a scheduler and workers on other machines, started over ssh.
 *
 * @module
 */
import { isLoopback } from "../comm/host_port.ts";
import { Security } from "../comm/security.ts";
import { CopyError, LocalBinaries } from "./ssh/binaries.ts";
import { checkSSHOptions, type SSHClusterOptions } from "./ssh/cluster_options.ts";
import { copyPrograms } from "./ssh/copy.ts";
import { HostProcess } from "./ssh/host_process.ts";
import { parseHost, parseHosts, type SSHHost } from "./ssh/hosts.ts";
import { concurrently, settleWithin } from "./ssh/limits.ts";
import {
  DEFAULT_LOST_AFTER,
  reachableAddress,
  remoteFolder,
  schedulerProgram,
  workerProgram,
} from "./ssh/programs.ts";
import type { SSHHostInfo, SSHHostStatus } from "./ssh/reports.ts";
import { hostnameOf, type SSHLogin } from "./ssh/ssh_command.ts";

export type { SSHClusterOptions } from "./ssh/cluster_options.ts";
export type { SSHHostInfo, SSHHostStatus, SSHReport } from "./ssh/reports.ts";

/** An SSHCluster did not come up, or came to an end that nobody asked for. */
export class SSHClusterError extends Error {
  /** Name of the class. */
  override name = "SSHClusterError";
}

/** Seconds for the scheduler to end; after that for workers that it has told to; for those hung up on. */
const CLOSING = 5, TOLD = 2, HUNG_UP = 8;
/** What the programs print when they are up. */
const SCHEDULER_UP = /^Scheduler started at ([^\s,]+)/, WORKER_UP = /^(Registered with)/;
/** How many hosts are asked or copied to at the same time. */
const AT_ONCE = 8;

/** A host, how the others reach it, and what has become of its workers. */
class Node {
  readonly host: SSHHost;
  hostname = "";
  process: HostProcess | undefined;
  status: SSHHostStatus = "starting";
  reason: string | undefined;

  constructor(host: SSHHost) {
    this.host = host;
  }
}

/**
 * A cluster on machines that are reached by ssh: a scheduler on one of them, workers on all. All of it
 * ends with the program that has started it, however that ends.
 *
 * The hosts need a POSIX shell and the programs `dusk-scheduler` and `dusk-worker`, which `copy` puts
 * there. Connections are kept from strangers by a token, which is made for each cluster.
 *
 * @example
 * ```ts ignore
 * await using cluster = await SSHCluster.create({ hosts: ["node1", "node2"], copy: true });
 * await using client = await Client.connect(cluster);
 * ```
 */
export class SSHCluster implements AsyncDisposable {
  /** What clients need to be let in. */
  readonly security: Security;
  /**
   * Resolves when the cluster is over: closed, its scheduler gone, or no worker left.
   */
  readonly finished: Promise<void>;
  readonly #options: SSHClusterOptions;
  readonly #login: SSHLogin;
  readonly #nodes: Node[];
  readonly #schedulerNode: Node;
  readonly #token: string;
  readonly #abort = new AbortController();
  readonly #finish: () => void;
  #schedulerAddress = "";
  #failure: SSHClusterError | undefined;
  #closing: Promise<void> | undefined;

  private constructor(options: SSHClusterOptions) {
    checkSSHOptions(options);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.finished = promise;
    this.#finish = resolve;
    this.#options = options;
    this.#nodes = parseHosts(options.hosts).map((host) => new Node(host));
    const named = options.scheduler === undefined ? undefined : parseHost(options.scheduler);
    // One of the hosts again, or one for the scheduler alone.
    this.#schedulerNode = new Node(
      named === undefined
        ? this.#nodes[0].host
        : this.#nodes.find(({ host }) => host.name === named.name)?.host ?? named,
    );
    this.security = new Security({ token: options.token ?? randomToken() });
    this.#token = this.security.options.token!;
    this.#login = {
      username: options.username,
      port: options.sshPort,
      privateKey: options.privateKey,
      config: options.sshConfig,
      program: options.ssh,
      lostAfter: options.lostAfter ?? DEFAULT_LOST_AFTER,
    };
  }

  /**
   * Start the scheduler and then the workers, and wait for them. A host without which it goes is only
   * reported, and found among {@linkcode hosts}.
   *
   * @param options Which hosts, and what to start there.
   * @param signal Gives up, and ends what was started.
   * @throws {TypeError} When an option is wrong.
   * @throws {SSHHostError} When a host makes no sense or is there twice.
   * @throws {SecurityError} When the token is not a good one.
   * @throws {NoSSHError} When this machine has no ssh.
   * @throws {SSHClusterError} When the scheduler or all of the workers do not come up, with the reasons.
   */
  static async create(options: SSHClusterOptions, signal?: AbortSignal): Promise<SSHCluster> {
    const cluster = new SSHCluster(options);
    const onAbort = () => cluster.#abort.abort(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    try {
      signal?.throwIfAborted();
      await cluster.#start();
    } catch (error) {
      await cluster.close();
      throw error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
    }
    return cluster;
  }

  /** Address of the scheduler; clients need {@linkcode security}, too. */
  get schedulerAddress(): string {
    return this.#schedulerAddress;
  }

  /** The hosts that got workers, and what has become of these. */
  get hosts(): readonly SSHHostInfo[] {
    return this.#nodes.map(({ host: { name }, status, reason }) => ({ name, status, reason }));
  }

  /** Why the cluster came to an end that nobody asked for. */
  get failure(): SSHClusterError | undefined {
    return this.#failure;
  }

  /**
   * Stop the scheduler and the workers, and wait until they have ended on all hosts that can be reached.
   * Can be called again.
   */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Same as {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Text such as `SSHCluster("tcp://node1:8786", hosts=4)`. */
  toString(): string {
    const running = this.#nodes.filter(({ status }) => status === "running").length;
    return `SSHCluster("${this.#schedulerAddress}", hosts=${running})`;
  }

  /** Shown by `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  async #start(): Promise<void> {
    await concurrently(AT_ONCE, [this.#schedulerNode, ...this.#nodes], async (node) => {
      node.hostname = await hostnameOf(node.host, this.#login);
    });
    if (this.#options.copy) await this.#copy();
    const local = [this.#schedulerNode, ...this.#nodes].every((node) => isLoopback(node.hostname));
    await this.#startScheduler(local);
    const workers = this.#nodes.filter(({ status }) => status === "starting");
    await Promise.all(workers.map((node) => this.#startWorker(node)));
    if (!this.#nodes.some(({ status }) => status === "running")) {
      throw new SSHClusterError(`no worker came up: ${this.#reasons()}`);
    }
  }

  /** Bring the programs to each host. One that they cannot be brought to is lost. */
  async #copy(): Promise<void> {
    const { onReport, binaries: folder } = this.#options;
    const binaries = new LocalBinaries(folder);
    const scheduler = this.#schedulerNode;
    const isSchedulers = (node: Node) => node.host.name === scheduler.host.name;
    const alone = !this.#nodes.some(isSchedulers);
    await concurrently(AT_ONCE, alone ? [scheduler, ...this.#nodes] : this.#nodes, async (node) => {
      const { host } = node;
      const programs = [
        ...isSchedulers(node) ? ["dusk-scheduler"] : [],
        ...node === scheduler ? [] : ["dusk-worker"],
      ];
      try {
        await copyPrograms({
          host,
          login: this.#login,
          programs,
          binaries,
          folder: remoteFolder(this.#options),
          onCopy: (path) =>
            onReport?.({
              kind: "status",
              host: host.name,
              program: "worker",
              line: `copying ${path}`,
            }),
          signal: this.#abort.signal,
        });
      } catch (error) {
        if (!(error instanceof CopyError)) throw error;
        if (isSchedulers(node)) throw new SSHClusterError(`${host.name}: ${error.message}`);
        this.#lose(node, error.message);
      }
    });
  }

  async #startScheduler(local: boolean): Promise<void> {
    const node = this.#schedulerNode;
    const { host } = node;
    const process = this.#startProcess(
      node,
      "scheduler",
      schedulerProgram(this.#options, node, local),
    );
    node.process = process;
    const announced = await this.#inTime(process.up);
    if (announced === undefined) {
      const reason = await settleWithin(process.ended, 0)
        ? await process.ended ?? "its dusk-scheduler ended at once"
        : `its dusk-scheduler did not come up within ${this.#startTimeout} s`;
      throw new SSHClusterError(`no scheduler: ${host.name}: ${reason}`);
    }
    this.#schedulerAddress = reachableAddress(announced, node, local);
    process.ended.then((reason) => {
      if (this.#closing !== undefined) return;
      if (reason !== undefined) {
        this.#failure = new SSHClusterError(`the scheduler is gone: ${host.name}: ${reason}`);
      }
      this.#finish();
    });
  }

  async #startWorker(node: Node): Promise<void> {
    const { host } = node;
    const program = workerProgram(this.#options, node, host.name, this.#schedulerAddress);
    const process = this.#startProcess(node, "worker", program);
    node.process = process;
    const gone = process.ended.then((reason) => this.#onWorkerEnd(node, reason));
    const joined = process.up.then((line) => {
      if (line !== undefined && node.status === "starting") this.#change(node, "running", "is up");
    });
    if (!await this.#inTime(Promise.race([joined, gone]).then(() => true))) {
      process.kill();
      this.#lose(node, `its worker did not come up within ${this.#startTimeout} s`);
    }
  }

  #startProcess(
    { host }: Node,
    program: "scheduler" | "worker",
    remote: ReturnType<typeof workerProgram>,
  ): HostProcess {
    this.#abort.signal.throwIfAborted();
    const { onReport } = this.#options;
    return new HostProcess({
      host,
      login: this.#login,
      program: remote,
      token: this.#token,
      upLine: program === "scheduler" ? SCHEDULER_UP : WORKER_UP,
      onLine: (line, isError) =>
        onReport?.({ kind: isError ? "error" : "output", host: host.name, program, line }),
    });
  }

  #onWorkerEnd(node: Node, reason: string | undefined): void {
    if (this.#closing !== undefined || node.status === "lost") return;
    if (reason === undefined) this.#change(node, "left", "has left");
    else this.#lose(node, reason);
    const left = this.#nodes.filter(({ status }) => status === "running" || status === "starting");
    if (left.length > 0 || this.#schedulerAddress === "") return;
    if (this.#nodes.some(({ status }) => status === "lost")) {
      this.#failure = new SSHClusterError(`no worker is left: ${this.#reasons()}`);
    }
    this.#finish();
  }

  #lose(node: Node, reason: string): void {
    node.reason = reason;
    this.#change(node, "lost", `is lost: ${reason}`);
  }

  #change(node: Node, status: SSHHostStatus, line: string): void {
    node.status = status;
    const kind = status === "lost" ? "failure" : "status";
    this.#options.onReport?.({ kind, host: node.host.name, program: "worker", line });
  }

  #reasons(): string {
    return this.#nodes.filter(({ reason }) => reason !== undefined)
      .map(({ host, reason }) => `${host.name}: ${reason}`).join("; ");
  }

  get #startTimeout(): number {
    return this.#options.startTimeout ?? 60;
  }

  /** What the promise gives, or undefined when that takes too long. */
  async #inTime<T>(promise: Promise<T>): Promise<T | undefined> {
    const { signal } = this.#abort;
    const aborted = Promise.withResolvers<never>();
    const onAbort = () => aborted.reject(signal.reason);
    signal.addEventListener("abort", onAbort);
    if (signal.aborted) onAbort();
    try {
      const inTime = settleWithin(promise, this.#startTimeout);
      return await Promise.race([inTime, aborted.promise]) ? await promise : undefined;
    } finally {
      signal.removeEventListener("abort", onAbort);
    }
  }

  async #close(): Promise<void> {
    this.#abort.abort(new SSHClusterError("the cluster is closed"));
    const scheduler = this.#schedulerNode.process;
    const workers = this.#nodes.flatMap(({ process }) => process ?? []);
    const all = scheduler === undefined ? workers : [scheduler, ...workers];
    const ended = Promise.all(all.map((process) => process.ended));
    // The scheduler tells the workers to leave; those that it does not reach are told here.
    scheduler?.hangUp();
    await settleWithin(scheduler?.ended ?? ended, CLOSING);
    if (!await settleWithin(ended, TOLD)) {
      const hungUp = Promise.all(workers.map((process) => process.hangUp()));
      if (!await settleWithin(Promise.all([hungUp, ended]), HUNG_UP)) {
        for (const process of all) process.kill();
      }
    }
    await ended;
    this.#finish();
  }
}

/** A secret that nobody guesses: 244 random bits. */
function randomToken(): string {
  return `${crypto.randomUUID()}${crypto.randomUUID()}`.replaceAll("-", "");
}
