/**
 * LocalCluster: a scheduler and workers on this machine, in this process or in processes of their own.
 *
 * @module
 */
import { defaultSecurity } from "../comm/default_security.ts";
import { unparseHostPort } from "../comm/host_port.ts";
import type { Security } from "../comm/security.ts";
import "./use_thread.ts";
import { Scheduler } from "../scheduler/scheduler.ts";
import { ClusterWorker, type ClusterWorkerOptions } from "../worker/cluster_worker.ts";
import { parseMemoryLimit } from "../worker/memory_limit.ts";
import {
  checkClusterOptions,
  type LocalClusterOptions,
  type StartWorkerOptions,
  type StopWorkerOptions,
} from "./cluster_options.ts";
import { type ClusterShape, clusterShape } from "./cluster_shape.ts";
import { WorkerProcess } from "./worker_process.ts";

export type {
  LocalClusterOptions,
  StartWorkerOptions,
  StopWorkerOptions,
} from "./cluster_options.ts";

/** Seconds that workers have to hand over before they are stopped. */
const STOP_TIMEOUT = 30;

/** A worker of a local cluster: the worker itself, or the process it runs in. */
export type LocalWorker = ClusterWorker | WorkerProcess;

/**
 * A scheduler and workers on this machine.
 *
 * @example
 * ```ts
 * await using cluster = await LocalCluster.create({ nWorkers: 2 });
 * await using client = await Client.connect(cluster);
 * ```
 */
export class LocalCluster implements AsyncDisposable {
  /** The scheduler, which runs in this process. */
  readonly scheduler: Scheduler;
  readonly #options: LocalClusterOptions;
  readonly #shape: ClusterShape;
  readonly #workers: LocalWorker[] = [];
  /** Workers that hand over their results before they are gone. */
  readonly #departing = new Set<LocalWorker>();
  /** Who waits for a worker to be out of the cluster, by its address. */
  readonly #leaving = new Map<string, () => void>();
  #nextNumber = 0;
  #closing: Promise<void> | undefined;

  private constructor(options: LocalClusterOptions) {
    checkClusterOptions(options);
    this.#options = { ...options, security: options.security ?? defaultSecurity() };
    this.#shape = clusterShape(
      navigator.hardwareConcurrency,
      options.processes ?? false,
      options.nWorkers,
      options.threadsPerWorker,
    );
    const { security, validate } = this.#options;
    this.scheduler = new Scheduler({ security, ...options.scheduler, validate });
    this.scheduler.addPlugin({
      removeWorker: (_core, address) => this.#leaving.get(address)?.(),
    });
  }

  /**
   * Start a scheduler and workers, and wait until all of them have found each other.
   *
   * @param options What kind of cluster; see {@linkcode LocalClusterOptions}.
   * @throws {TypeError} When there is no option of that name.
   * @throws {RangeError} When an option does not make sense.
   * @throws {MemoryLimitError} When the memory limit does not.
   * @throws {ThreadStartError} When `permissions` take a feature of Deno that is off. In a program that may
   * not run others (`--allow-run`) this cannot be known, and Deno ends the program.
   * @throws {WorkerProcessError} When a worker process does not come up, with what it printed.
   */
  static async create(options: LocalClusterOptions = {}): Promise<LocalCluster> {
    const cluster = new LocalCluster(options);
    try {
      await cluster.scheduler.start(cluster.#listenAddresses());
      await cluster.scaleUp(cluster.#shape.nWorkers);
    } catch (error) {
      await cluster.close();
      throw error;
    }
    return cluster;
  }

  /** Address of the scheduler, to give to clients and to further workers. */
  get schedulerAddress(): string {
    return this.scheduler.address;
  }

  /** How the cluster is protected: its certificates and token. */
  get security(): Security | undefined {
    return this.#options.security;
  }

  /**
   * The workers that are up now. One that crashes is gone from here, unless it is a process that its nanny
   * replaces: its entry stays, with another `pid` and `address`.
   */
  get workers(): readonly LocalWorker[] {
    return this.#workers;
  }

  /**
   * Add a worker to the running cluster.
   *
   * @param options What is different about this worker.
   * @returns The worker, when it has joined.
   */
  async startWorker(options: StartWorkerOptions = {}): Promise<LocalWorker> {
    if (this.#closing !== undefined) throw new Error("startWorker: the cluster is closed");
    const name = options.name ?? this.#freeName();
    if (this.#isTaken(name)) {
      throw new Error(`startWorker: this cluster has a worker called '${name}' already`);
    }
    const nthreads = options.nthreads ?? this.#shape.threadsPerWorker;
    if (!Number.isSafeInteger(nthreads) || nthreads < 1) {
      throw new RangeError(`nthreads must be a whole number of at least 1, got ${nthreads}`);
    }
    const settings = {
      ...this.#options.worker,
      ...this.#memorySettings(),
      resources: options.resources ?? this.#options.resources,
      permissions: options.permissions ?? this.#options.permissions ?? "inherit",
      validate: this.#options.validate,
    };
    return await (this.#options.processes
      ? this.#startProcess(name, nthreads, settings)
      : this.#startHere(name, nthreads, settings));
  }

  #memorySettings(): Partial<ClusterWorkerOptions> {
    const { processes = false, worker = {} } = this.#options;
    const { memoryPause = 0.8 } = worker;
    const memoryLimit = this.#options.memoryLimit ?? worker.memoryLimit;
    const share = Math.max(1, this.#shape.nWorkers);
    return {
      memoryLimit: parseMemoryLimit(memoryLimit ?? (processes ? "auto" : 0), share),
      // Workers in this process see the memory of all of them.
      memoryPause: processes ? memoryPause : share * memoryPause,
      localDirectory: this.#options.localDirectory ?? worker.localDirectory,
    };
  }

  /**
   * Take a worker out of the cluster. The tasks that it runs finish, and what only it holds is copied to
   * others first.
   *
   * @param worker The worker, its address or its name. One that has gone already is no error.
   * @param options How long that may take.
   */
  async stopWorker(worker: LocalWorker | string, options: StopWorkerOptions = {}): Promise<void> {
    await this.#stop([worker], options);
  }

  /**
   * Bring the number of workers up to `n`. Nothing happens when there are as many already.
   *
   * @param n Number of workers there shall be.
   */
  async scaleUp(n: number): Promise<void> {
    if (!Number.isSafeInteger(n) || n < 0) {
      throw new RangeError(`scaleUp: n must be a whole number of at least 0, got ${n}`);
    }
    const starting: Promise<LocalWorker>[] = [];
    for (let i = this.#workers.length; i < n; i++) starting.push(this.startWorker());
    // Wait for all of them, so that none is still starting when this fails.
    const results = await Promise.allSettled(starting);
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  /**
   * Take these workers out of the cluster, as {@linkcode stopWorker} does.
   *
   * @param workers Their addresses or names.
   * @param options How long that may take.
   */
  async scaleDown(workers: readonly string[], options: StopWorkerOptions = {}): Promise<void> {
    await this.#stop(workers, options);
  }

  /** Stop the workers and the scheduler. Can be called again. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** Same as {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Text such as `LocalCluster("tcp://127.0.0.1:8786", workers=2, ncores=4)`. */
  toString(): string {
    const ncores = this.#workers.reduce((sum, worker) => sum + worker.nthreads, 0);
    return `LocalCluster("${this.schedulerAddress}", workers=${this.#workers.length}, ncores=${ncores})`;
  }

  /** Shown by `console.log`. */
  [Symbol.for("Deno.customInspect")](): string {
    return this.toString();
  }

  #freeName(): string {
    const { name: prefix } = this.#options;
    for (;;) {
      const number = String(this.#nextNumber++);
      const name = prefix === undefined ? number : `${prefix}-${number}`;
      if (!this.#isTaken(name)) return name;
    }
  }

  #isTaken(name: string): boolean {
    return this.#workers.some((worker) => worker.name === name);
  }

  #listenAddresses(): string[] {
    const { processes, host, schedulerPort, security } = this.#options;
    const scheme = security?.hasTls ? "tls" : "tcp";
    const tcp = `${scheme}://${unparseHostPort(host ?? "127.0.0.1", schedulerPort ?? 0)}`;
    if (processes) return [tcp];
    return host === undefined && schedulerPort === undefined ? ["inproc://"] : ["inproc://", tcp];
  }

  async #startHere(
    name: string,
    nthreads: number,
    settings: Partial<ClusterWorkerOptions>,
  ): Promise<ClusterWorker> {
    const worker = new ClusterWorker({
      security: this.#options.security,
      ...settings,
      schedulerAddress: this.schedulerAddress,
      name,
      nthreads,
    });
    this.#workers.push(worker);
    try {
      await worker.start();
    } catch (error) {
      this.#forget(worker);
      await worker.close();
      throw error;
    }
    worker.finished.then(() => this.#forget(worker));
    return worker;
  }

  async #startProcess(
    name: string,
    nthreads: number,
    settings: Partial<ClusterWorkerOptions>,
  ): Promise<WorkerProcess> {
    const { host = "127.0.0.1", nanny = true, silenceLogs = true, security } = this.#options;
    const worker = new WorkerProcess({
      security,
      ...settings,
      schedulerAddress: this.schedulerAddress,
      name,
      nthreads,
      host,
      autoRestart: nanny,
      showOutput: !silenceLogs,
    });
    this.#workers.push(worker);
    worker.finished.then(() => this.#forget(worker));
    await worker.start(this.#options.startTimeout ?? 60);
    return worker;
  }

  /** Resolves when the scheduler has no worker at this address. */
  #untilLeft(address: string): Promise<void> {
    if (this.scheduler.core.coerceAddress(address) === null) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#leaving.set(address, () => {
      this.#leaving.delete(address);
      resolve();
    });
    return promise;
  }

  #forget(worker: LocalWorker): void {
    const index = this.#workers.indexOf(worker);
    if (index >= 0) this.#workers.splice(index, 1);
  }

  async #stop(
    workers: readonly (LocalWorker | string)[],
    { timeout = STOP_TIMEOUT }: StopWorkerOptions,
  ): Promise<void> {
    const { core } = this.scheduler;
    const addresses: string[] = [];
    const found = this.#workers.filter((each) => {
      // One that has not joined yet has no address.
      const address = core.coerceAddress(each.name);
      const isMeant = workers.some((worker) =>
        worker === each || worker === each.name || worker === address
      );
      if (isMeant && address !== null) addresses.push(address);
      return isMeant;
    });
    for (const each of found) {
      this.#forget(each);
      this.#departing.add(each);
    }
    try {
      // All together, so that none hands over to one that leaves next.
      await this.scheduler.retireWorkers({
        workers: addresses,
        timeout,
        closeWorkers: false,
        remove: false,
      });
    } finally {
      const left = Promise.all(addresses.map((address) => this.#untilLeft(address)));
      // What has come to them since is handed over, too.
      await Promise.all(
        found.map((each) =>
          each instanceof ClusterWorker ? each.closeGracefully({ timeout }) : each.close()
        ),
      );
      for (const each of found) this.#departing.delete(each);
      await left;
    }
  }

  async #close(): Promise<void> {
    // There is nobody to whom results could be handed over.
    const all = [...this.#workers, ...this.#departing];
    await Promise.all(all.map((worker) => worker.close({ handOver: false })));
    // Clients need not try to come back.
    await this.scheduler.shutdown();
    // The scheduler tells of no worker that leaves any more.
    for (const left of this.#leaving.values()) left();
  }
}
