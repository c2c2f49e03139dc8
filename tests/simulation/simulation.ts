/**
 * A whole cluster in one thread and no time: the real cores of scheduler and workers, with clients, a
 * network and threads that follow from a seed. Every invariant is checked at every step; at the end
 * every wanted key must be in memory or failed, and nothing that is not wanted may be left.
 *
 * @module
 */
import assert from "node:assert/strict";
import { handleClientMessage } from "../../scheduler/client_messages.ts";
import { SchedulerCore } from "../../scheduler/core.ts";
import { handleWorkerMessage } from "../../scheduler/worker_messages.ts";
import type {
  ClientMessage,
  Message,
  SchedulerToClient,
  SchedulerToWorker,
  WorkerToScheduler,
} from "../../protocol/messages.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { Link } from "./link.ts";
import { SimClient } from "./sim_client.ts";
import { SimWorker } from "./sim_worker.ts";
import { type BookedTask, TaskBook } from "./task_book.ts";
import { VirtualTime } from "./virtual_time.ts";

/** Steps after which a simulation that has not come to rest is taken to never do so. */
const STEP_LIMIT = 300_000;
/** How many parts of code the scheduler keeps at most that nobody uses: few, so that it forgets some. */
const UNUSED_PARTS = 4;

/** One run. */
export class Simulation {
  readonly seed: number;
  readonly random: SeededRandom;
  readonly time: VirtualTime = new VirtualTime();
  readonly book: TaskBook;
  /** Names of workers, whether they live or not. */
  readonly names: string[];
  /** Workers by address, the dead ones too. */
  readonly workers: Map<string, SimWorker> = new Map();
  /** Whether workers die, threads die and connections break. */
  readonly chaos: boolean;
  readonly core: SchedulerCore;
  readonly #clients: SimClient[] = [];
  readonly #toWorkers: Map<string, Link<SchedulerToWorker>> = new Map();
  readonly #toClients: Map<string, Link<SchedulerToClient>> = new Map();
  readonly #cancels: boolean;
  /** Whether clients give keys again that they have let go of. */
  readonly reusesKeys: boolean;
  #born = 0;
  #settling = false;

  /** @param seed What everything follows from. */
  constructor(seed: number) {
    this.seed = seed;
    this.random = new SeededRandom(seed);
    const random = this.random;
    this.chaos = random.chance(0.7);
    this.#cancels = random.chance(0.7);
    this.reusesKeys = random.chance(0.5);
    this.book = new TaskBook(random);
    this.names = Array.from({ length: random.integer(1, 6) }, (_, i) => `w${i}`);
    this.core = new SchedulerCore({
      validate: true,
      random: random.next,
      workerTtl: 0,
      unusedParts: { parts: random.integer(0, UNUSED_PARTS), bytes: 100 },
    });
    this.core.addPlugin({
      updateGraph: (core, _client, keys) => {
        for (const key of keys) {
          const { dependencies } = core.tasks.get(key)!;
          this.book.taken(
            this.booked(key)!,
            dependencies.items.map(({ key }) => this.booked(key)!),
          );
        }
      },
    });
  }

  /** Run to the end. @throws When something is not as it must be; the message tells how to replay it. */
  run(): void {
    try {
      this.#start();
      this.#runUntilQuiet();
      this.#checkResults();
      this.#releaseAll();
      this.#runUntilQuiet();
      this.#checkNothingLeft();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(
        `simulation ${this.seed} failed at step ${this.time.steps}: ${message}\n` +
          `replay it with: deno task simulate ${this.seed}`,
        { cause: error },
      );
    }
  }

  /** Some live worker, if there is one. */
  pickWorker(): SimWorker | undefined {
    const live = [...this.workers.values()].filter((worker) => worker.alive);
    return live.length === 0 ? undefined : this.random.pick(live);
  }

  /** The task that has this key now, if there is one. */
  booked(key: string): BookedTask | undefined {
    const ts = this.core.tasks.get(key);
    return ts === undefined ? undefined : this.book.get(key, ts.args);
  }

  /** A nanny ends its worker at once, and starts another. */
  replace(worker: SimWorker): void {
    if (!worker.alive) return;
    worker.alive = false;
    worker.toScheduler?.cut();
    this.time.after(this.random.next() * 3, () => this.#lose(worker, true));
    this.time.after(this.random.next() * 2, () => this.#startWorker(worker.name));
  }

  #start(): void {
    const { random, time } = this;
    for (const name of this.names) if (random.chance(0.8)) this.#startWorker(name);
    for (let i = random.integer(1, 3); i > 0; i--) this.#addClient(`c${i}`);
    const actions = random.integer(5, 60);
    for (let i = 0; i < actions; i++) time.after(random.next() * 20, () => this.#randomEvent());
    time.after(20, () => this.#settle());
    this.#tick();
  }

  #randomEvent(): void {
    const { random } = this;
    const client = random.pick(this.#clients);
    const dice = random.next();
    if (dice < 0.35 && this.reusesKeys) client.submitTwice(this.#cancels);
    else if (dice < 0.35) client.submit();
    else if (dice < 0.45) client.scatter();
    else if (dice < 0.55) client.release(client.some(random.integer(1, 10)));
    else if (dice < 0.65) client.gather();
    else if (dice < 0.68) client.share(random.pick(this.#clients));
    else if (dice < 0.7) this.#changeCode(client);
    else if (dice < 0.74 && this.#cancels) client.cancel(client.some(random.integer(1, 3)));
    else if (dice < 0.76) this.pickWorker()?.fillMemory();
    else if (dice < 0.78) this.#retire();
    else if (dice < 0.88 && this.chaos) this.#kill(this.pickWorker());
    else if (dice < 0.91 && this.chaos) this.#disconnect(this.pickWorker());
    else if (dice < 0.93 && this.chaos) this.#leave(this.pickWorker());
    else if (dice < 0.95 && this.chaos) this.pickWorker()?.loseThreads();
    else if (dice < 0.96 && this.chaos) this.#restart();
    else if (dice < 0.97) this.#removeClient(client);
    else this.#startWorker(random.pick(this.names));
  }

  /** A client lets go of code, or uploads a module. */
  #changeCode(client: SimClient): void {
    const { core, random, time } = this;
    if (random.chance(0.6)) return client.releaseCode(random.integer(1, 4));
    const { modules, parts } = client.upload();
    core.uploadFile(modules, parts, time.now);
    this.#drain();
  }

  /** Let all names have a worker, and no more happen but what is under way. */
  #settle(): void {
    this.#settling = true;
    for (const name of this.names) this.#startWorker(name);
  }

  #tick(): void {
    const { core, time } = this;
    core.balance(time.now);
    core.reevaluateOccupancy(time.now);
    core.claimOrphans(time.now);
    core.checkRetirements(time.now);
    for (const { lost, lostForGood } of core.takeRetired()) {
      assert(this.chaos || lost + lostForGood === 0, "a worker that retires loses results");
    }
    this.#drain();
    // After the last event a few ticks more, so that stealing can still begin.
    if (time.now < 200) time.after(this.#settling ? 1 : 0.1, () => this.#tick());
  }

  #addClient(id: string): void {
    const { core, time, random } = this;
    const toScheduler = new Link<ClientMessage>(time, random, (messages) => {
      for (const message of messages) {
        if (!handleClientMessage(core, id, message as Message, time.now)) {
          core.removeClient(id, time.now);
        }
      }
      this.#drain();
    });
    const client = new SimClient(this, id, toScheduler);
    core.addClient(id, time.now);
    this.#toClients.set(id, new Link(time, random, (messages) => client.receive(messages)));
    this.#clients.push(client);
  }

  /** A client leaves, unless it is the last. */
  #removeClient(client: SimClient): void {
    if (this.#clients.length === 1) return;
    this.#clients.splice(this.#clients.indexOf(client), 1);
    client.leave();
  }

  /** Start a worker of this name, if none lives. */
  #startWorker(name: string): void {
    const { random } = this;
    for (const worker of this.workers.values()) if (worker.alive && worker.name === name) return;
    const nthreads = random.integer(1, 3);
    const gpus = name === this.names[0] ? 1 : random.integer(0, 1);
    const address = `sim://${name}/${this.#born++}`;
    const worker = new SimWorker(this, address, name, nthreads, { GPU: gpus });
    this.workers.set(address, worker);
    this.#register(worker);
  }

  #register(worker: SimWorker): void {
    const { core, time, random } = this;
    const { address } = worker;
    // A namesake whose death the scheduler has not noticed yet is noticed now.
    for (const other of this.workers.values()) {
      if (other !== worker && !other.alive && other.name === worker.name) this.#lose(other);
    }
    core.addWorker(worker.registration(), time.now);
    this.#toWorkers.set(address, new Link(time, random, (batch) => worker.receive(batch)));
    worker.toScheduler = new Link<WorkerToScheduler>(time, random, (messages) => {
      for (const message of messages) {
        if (handleWorkerMessage(core, address, message as Message, time.now)) continue;
        if (message.op === "close-worker") this.#lose(worker, true);
      }
      this.#drain();
    });
    this.#drain();
    worker.drain();
  }

  /** A worker leaves in good order. */
  #leave(worker: SimWorker | undefined): void {
    if (worker === undefined) return;
    if (worker.toScheduler === null) this.#kill(worker);
    else worker.leave();
  }

  /** A worker is to leave without loss, by its own wish or the scheduler's. */
  #retire(): void {
    const { core, random, time } = this;
    const worker = this.pickWorker();
    if (worker === undefined || worker.toScheduler === null) return;
    // Where nothing fails nothing may be lost: somebody must be left to take over.
    const staying = [...core.workers.values()].filter((ws) => ws.retirement === null);
    if (!this.chaos && !(staying.length > 1)) return;
    if (random.chance(0.5)) return worker.retire();
    const timeout = this.chaos && random.chance(0.3) ? random.next() : Infinity;
    worker.retiring = true;
    core.retireWorkers([worker.address], { reason: "simulated", timeout, close: true }, time.now);
    this.#drain();
  }

  /** All work and all data are dropped. */
  #restart(): void {
    this.#drain();
    for (const [address, link] of this.#toWorkers) {
      const worker = this.workers.get(address)!;
      if (worker.alive) worker.restarting++;
      link.send([{ op: "restart", id: this.time.steps }]);
    }
    this.core.restart(this.time.now);
    this.#drain();
  }

  #kill(worker: SimWorker | undefined): void {
    if (worker === undefined) return;
    worker.alive = false;
    worker.toScheduler?.cut();
    this.time.after(this.random.next() * 3, () => this.#lose(worker));
  }

  /** The scheduler notices that a worker is gone. */
  #lose(worker: SimWorker, safe = false): void {
    const link = this.#toWorkers.get(worker.address);
    if (link === undefined) return;
    link.cut();
    this.#toWorkers.delete(worker.address);
    this.core.removeWorker(worker.address, { safe, reason: "simulated" }, this.time.now);
    this.#drain();
    // One that was still about to leave, and may be the only one for some task.
    if (this.#settling && !worker.alive) this.#startWorker(worker.name);
  }

  /** The connection breaks, and the worker comes back with what it holds. */
  #disconnect(worker: SimWorker | undefined): void {
    if (worker === undefined || worker.toScheduler === null) return;
    worker.toScheduler.cut();
    worker.toScheduler = null;
    this.#lose(worker);
    worker.disconnected();
    this.time.after(this.random.next() * 2, () => {
      if (!worker.alive) return;
      this.#register(worker);
      this.time.after(this.random.next() * 2, () => worker.heartbeat());
    });
  }

  #drain(): void {
    this.core.drain(
      (address, messages) => this.#toWorkers.get(address)?.send(messages),
      (id, messages) => this.#toClients.get(id)?.send(messages),
    );
  }

  #runUntilQuiet(): void {
    while (this.time.step()) {
      assert(this.time.steps < STEP_LIMIT, `not at rest after ${STEP_LIMIT} steps`);
    }
  }

  #checkResults(): void {
    const whoHas = this.core.whoHas();
    const wantedBySomeone = new Set<string>();
    for (const client of this.#clients) {
      for (const [key, status] of client.wanted) {
        assert.notEqual(
          status,
          "pending",
          `${client.id} still waits for ${key}${this.#story(key)}`,
        );
        // One that wants another's key may say so before that one has submitted it.
        if (!this.chaos && !this.#cancels && key.includes(`-${client.id}-`)) {
          assert.notEqual(status, "cancelled", `${client.id} lost ${key}${this.#story(key)}`);
        }
        if (status === "finished") {
          wantedBySomeone.add(key);
          assert(whoHas[key]?.length > 0, `nobody has ${key}${this.#story(key)}`);
        }
      }
    }
    for (const key in whoHas) {
      if (whoHas[key].length === 0) continue;
      assert(wantedBySomeone.has(key), `${key} is kept, and nobody wants it${this.#story(key)}`);
    }
    this.#checkStores(whoHas);
    this.#checkCode();
    // A task that is dropped, but that others depend on, runs again when its key is given again.
    if (!this.chaos && !this.#cancels && !this.reusesKeys) this.#checkNothingRanTwice();
  }

  /** Where nothing fails and nothing is cancelled, stealing must not make a task run twice. */
  #checkNothingRanTwice(): void {
    for (const task of this.book.tasks) {
      const due = Math.min(task.failures, 2) + 1;
      assert(
        task.attempts <= due,
        `${task.key} ran ${task.attempts} times${this.#story(task.key)}`,
      );
    }
  }

  /** What the scheduler thinks the workers hold is what they hold, and it is right. */
  #checkStores(whoHas: Record<string, string[]>): void {
    const held = new Map<string, Set<string>>();
    for (const worker of this.workers.values()) {
      if (!worker.alive) continue;
      held.set(worker.address, new Set(worker.store.keys()));
      for (const [key, { task, value }] of worker.store) {
        assert.equal(task, this.booked(key), `another ${key}${this.#story(key)}`);
        assert.equal(value, task.value, `wrong ${key}${this.#story(key)}`);
        assert(
          whoHas[key]?.includes(worker.address),
          `${worker.address} holds ${key}, which the scheduler does not know${this.#story(key)}`,
        );
      }
    }
    for (const key in whoHas) {
      for (const address of whoHas[key]) {
        assert(held.get(address)?.has(key), `${address} lacks ${key}${this.#story(key)}`);
      }
    }
  }

  /** What code the scheduler thinks the workers have is what they have. */
  #checkCode(): void {
    const { core } = this;
    const uploads = [...core.uploads].map(([name, part]) => [name, part.name]).sort();
    for (const worker of this.workers.values()) {
      const ws = core.workers.get(worker.address);
      if (!worker.alive || ws === undefined) continue;
      const known = [...core.parts.values()].filter((part) => part.knownBy.has(ws));
      assert.deepEqual(
        [...worker.core.code.known.keys()].sort(),
        known.map((part) => part.name).sort(),
        `code of ${worker.address}`,
      );
      worker.checkUploads(uploads);
    }
  }

  #releaseAll(): void {
    for (const client of this.#clients) {
      client.release(client.some(Infinity));
      client.releaseCode(Infinity);
    }
  }

  #checkNothingLeft(): void {
    assert.equal(this.core.identity().tasks, 0, "tasks are left when nobody wants any");
    this.#checkCode();
    assert(this.core.parts.unused.size <= UNUSED_PARTS, "code is kept that nobody needs");
    const used = this.core.parts.size - this.core.parts.unused.size;
    assert.equal(used, new Set(this.core.uploads.values()).size, "code is used by nobody");
    for (const worker of this.workers.values()) {
      if (!worker.alive) continue;
      assert.deepEqual([...worker.store.keys()], [], `${worker.address} keeps data`);
      // Failed tasks are remembered, in bounds; nothing else is.
      const kept = [...worker.core.machine.tasks.values()].filter((task) => task.state !== "erred");
      assert.deepEqual(kept, [], `${worker.address} keeps tasks`);
    }
  }

  #story(key: string): string {
    const lines = this.core.transitionStory(key).map((record) =>
      `  ${
        record.time.toFixed(4)
      } ${record.key}: ${record.start} -> ${record.finish} (${record.stimulus})`
    );
    const onWorkers = [...this.workers.values()].flatMap((worker) =>
      worker.core.story(key).map((entry) =>
        `  ${worker.address}${worker.alive ? "" : " (dead)"} ${JSON.stringify(entry)}`
      )
    );
    return `\n${lines.concat(onWorkers).join("\n")}`;
  }
}
