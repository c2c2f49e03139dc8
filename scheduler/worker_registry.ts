/**
 * How workers come and go: their registrations, what they say on their streams, and who has to know when
 * one is gone.
 *
 * @module
 */
import { AddressError, getAddressHost } from "../comm/addresses.ts";
import type { Comm } from "../comm/comm.ts";
import { Server } from "../comm/server.ts";
import { getLogger } from "../config/logging.ts";
import type { Message, RegisterWorkerReply } from "../protocol/messages.ts";
import { now } from "./clock.ts";
import { type SchedulerCore, WorkerRefusedError } from "./core.ts";
import { checkNumber, MalformedMessageError } from "./message_checks.ts";
import type { OnMessage } from "./peer_stream.ts";
import type { Peer, Peers } from "./peers.ts";
import type { RestartRounds } from "./restart_rounds.ts";
import { checkRegistration, handleWorkerMessage } from "./worker_messages.ts";

const logger = getLogger("distributed.scheduler");

/** Why a worker is removed; `safe`: it left in good order, its tasks are not suspected. */
export interface RemovalOptions {
  safe?: boolean;
  reason: string;
}

/** What the registry needs of the scheduler. */
export interface RegistryServices {
  /** Name of the scheduler. */
  readonly id: string;
  readonly core: SchedulerCore;
  /** The streams to the workers. */
  readonly peers: Peers;
  readonly restarts: RestartRounds;
  /** How often workers say that they live, in seconds. */
  readonly heartbeatInterval: number;
  /** Answer a registration, then take what comes until the stream has ended. */
  takeStream(peer: Peer, reply: unknown, onMessage: OnMessage): Promise<void>;
  /** Send what the core has piled up. */
  flush(): void;
  /** Told of an error that should not be. */
  fault(where: string, error: unknown): void;
  /** Told when a worker has joined. */
  joined(): void;
  /** Told when nothing will come any more from a worker that is gone: not even from one that only hangs. */
  gone(address: string): void;
}

/** Takes workers in, and sees them off. */
export class WorkerRegistry {
  readonly #services: RegistryServices;

  /** @param services What it needs of the scheduler. */
  constructor(services: RegistryServices) {
    this.#services = services;
  }

  /** Take a worker in, and its messages until its stream has ended; the handler of `register-worker`. */
  async register(comm: Comm, message: Message): Promise<unknown> {
    const { id, core, peers, restarts, heartbeatInterval, takeStream, flush, joined } =
      this.#services;
    const time = now();
    let address: string;
    try {
      const info = checkRegistration(message);
      address = info.address;
      if (info.nanny !== undefined) this.#replaceBefore(info.nanny, address);
      // Another scheduler's numbers mean nothing here.
      const { heard, generations } = info.scheduler === id ? info : {};
      core.addWorker({ ...info, heard, generations, host: getAddressHost(address) }, time);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      logger.warn(`Refused a worker from ${comm.peerAddress}: ${error.message}`);
      return { status: "error", message: error.message } satisfies RegisterWorkerReply;
    }
    logger.info(`Worker ${address} has joined`);
    const peer = peers.add(address, comm);
    this.#tellRestarts(address);
    flush();
    joined();
    const reply: RegisterWorkerReply = { status: "OK", time, heartbeatInterval, scheduler: id };
    await takeStream(peer, reply, this.#onMessage);
    if (peers.remove(peer)) {
      const safe = restarts.isExpected(address);
      this.#forget(address, { safe, reason: "its connection broke" });
    }
    return Server.noReply;
  }

  /** Break a worker's connection, and forget the worker. */
  remove(address: string, options: RemovalOptions): void {
    this.#services.peers.cut(address);
    this.#forget(address, options);
  }

  /** Give up workers that have said nothing for too long. */
  giveUpSilent(time: number): void {
    for (const worker of this.#services.core.checkWorkerTtl(time)) {
      logger.warn(`Worker ${worker} has been silent for too long: it is given up`);
      this.#services.peers.cut(worker);
      this.#stopWaitingFor(worker);
    }
  }

  /** A nanny has one worker: another that it had at another address is gone, seen to be so or not. */
  #replaceBefore(nanny: string, address: string): void {
    const { core, restarts } = this.#services;
    for (const before of [...core.workers.values()]) {
      if (before.nanny !== nanny || before.address === address) continue;
      const safe = restarts.isExpected(before.address);
      this.remove(before.address, { safe, reason: "its nanny has brought another" });
    }
  }

  /** A worker that has registered may be the new one that a restart waits for, or still the old one. */
  #tellRestarts(address: string): void {
    const { core, peers, restarts } = this.#services;
    const { nanny = null, pid = 0 } = core.workers.get(address) ?? {};
    if (nanny === null) return;
    for (const id of restarts.registered({ nanny, pid })) {
      peers.send(address, [{ op: "restart", id }]);
    }
  }

  readonly #onMessage: OnMessage = (peer, message, time) => {
    const { core, peers, restarts } = this.#services;
    if (handleWorkerMessage(core, peer.id, message, time)) return true;
    if (message.op === "restarted") {
      restarts.answered(checkNumber(message, "id"), peer.id);
      return true;
    }
    const reason = typeof message.reason === "string" ? message.reason : "it left";
    if (peers.remove(peer)) {
      restarts.left(peer.id, true);
      this.#forget(peer.id, { safe: true, reason });
    }
    return false;
  };

  /** A worker's stream is gone: tell the core, and whoever waits for that. */
  #forget(address: string, options: RemovalOptions): void {
    const { core, flush, fault } = this.#services;
    logger.info(`Worker ${address} is gone: ${options.reason}`);
    try {
      core.removeWorker(address, options, now());
    } catch (error) {
      fault("removal of a worker", error);
    }
    flush();
    this.#stopWaitingFor(address);
  }

  #stopWaitingFor(worker: string): void {
    this.#services.restarts.left(worker, false);
    this.#services.gone(worker);
  }
}

/** Whether an error says that a registration is no good, rather than that the scheduler is. */
function isRefusal(error: unknown): error is Error {
  return error instanceof WorkerRefusedError || error instanceof MalformedMessageError ||
    error instanceof AddressError;
}
