/**
 * Calls that have workers retire: what each of them waits for, and what is told of how it went.
 *
 * @module
 */
import { awakeTimer } from "../comm/awake_timer.ts";
import { getLogger } from "../config/logging.ts";
import { now } from "./clock.ts";
import type { Retired, SchedulerCore } from "./core.ts";
import type { WorkersToCloseOptions } from "./workers_to_close.ts";

const logger = getLogger("distributed.scheduler");

/** Seconds that a worker has to leave once it was told to. */
const LEAVE_TIMEOUT = 10;

/** Options of {@linkcode Scheduler.retireWorkers}. */
export interface RetireWorkersOptions extends WorkersToCloseOptions {
  /** Addresses, names or hosts. Default: those that {@linkcode Scheduler.workersToClose} finds. */
  workers?: readonly string[];
  /** Whether the scheduler forgets them when their results are safe. Default true. */
  remove?: boolean;
  /** Whether they are told to leave when their results are safe. Default true. */
  closeWorkers?: boolean;
  /** Seconds until they are done with even if something is lost. Default: as long as it takes. */
  timeout?: number;
}

/** What the calls need of the scheduler. */
export interface RetirementServices {
  readonly core: SchedulerCore;
  /** Send what the core has piled up. */
  flush(): void;
  removeWorker(address: string, reason: string): void;
}

/** One worker that someone waits for. */
interface Waiting {
  readonly address: string;
  readonly over: () => void;
  readonly left: () => void;
}

/** Keeps account of who waits for which worker. */
export class RetirementCalls {
  readonly #services: RetirementServices;
  readonly #waiting = new Set<Waiting>();

  /** @param services What the calls need of the scheduler. */
  constructor(services: RetirementServices) {
    this.#services = services;
  }

  /** Have workers leave; see `Scheduler.retireWorkers`. */
  async retire(options: RetireWorkersOptions): Promise<string[]> {
    const { remove = true, closeWorkers = true, timeout = Infinity } = options;
    if (!(timeout >= 0)) {
      throw new RangeError(
        `retireWorkers: timeout must be a number of seconds of at least 0, got ${timeout}`,
      );
    }
    const { core, flush, removeWorker } = this.#services;
    const workers = options.workers === undefined
      ? core.workersToClose(options)
      : core.workersList([...options.workers]);
    const calls = workers.map((address) => ({
      worker: core.workers.get(address),
      ...this.#wait(address),
    }));
    const reason = "it is retired";
    core.retireWorkers(workers, { reason, timeout, close: closeWorkers }, now());
    flush();
    await Promise.all(calls.map(async ({ worker, over, left }) => {
      await over;
      if (!remove || worker === undefined) return;
      if (closeWorkers) await within(LEAVE_TIMEOUT, left);
      // Another may have come at the same address.
      if (core.workers.get(worker.address) === worker) removeWorker(worker.address, reason);
    }));
    return workers;
  }

  /** A worker's retirement is over. */
  retired(retired: Retired): void {
    logRetired(retired);
    for (const { address, over } of this.#waiting) if (address === retired.address) over();
  }

  /** A worker has left, in whichever way. */
  left(address: string): void {
    for (const waiting of this.#waiting) {
      if (waiting.address === address) this.#end(waiting);
    }
  }

  /** Nobody is waited for any more. */
  close(): void {
    for (const waiting of this.#waiting) this.#end(waiting);
  }

  /** `over`: nothing is lost by its leaving any more; `left`: it has left. */
  #wait(address: string): { over: Promise<void>; left: Promise<void> } {
    const over = Promise.withResolvers<void>();
    const left = Promise.withResolvers<void>();
    this.#waiting.add({ address, over: over.resolve, left: left.resolve });
    return { over: over.promise, left: left.promise };
  }

  #end(waiting: Waiting): void {
    this.#waiting.delete(waiting);
    waiting.over();
    waiting.left();
  }
}

function logRetired({ address, reason, running, lost, lostForGood }: Retired): void {
  const losses = [
    running > 0 ? `${running} tasks that it runs` : "",
    lost > 0 ? `${lost} results` : "",
  ].filter((loss) => loss !== "").join(" and ");
  const again = losses === "" ? "" : `; ${losses} are computed again`;
  const never = lostForGood === 0 ? "" : `; ${lostForGood} pieces of clients' data are lost`;
  const text = `Worker ${address} leaves (${reason})${again}${never}`;
  if (again !== "" || never !== "") logger.warn(text);
  else logger.debug(text);
}

/** Wait for something, but no longer than so many seconds. */
async function within(seconds: number, promise: Promise<void>): Promise<void> {
  const late = Promise.withResolvers<void>();
  const stopTimer = awakeTimer(seconds, late.resolve);
  await Promise.race([promise, late.promise]);
  stopTimer();
}
