/**
 * Random stimuli in any order, sensible and senseless, with all checks on: against toy workers whose
 * messages are delayed, doubled and lost with them. A failure prints the seed.
 */
import assert from "node:assert/strict";
import type { ComputeTask, SchedulerToWorker } from "../../protocol/messages.ts";
import { SchedulerCore } from "../../scheduler/core.ts";
import { formatStory } from "../../scheduler/transition_log.ts";
import { SeededRandom } from "../support/seeded_random.ts";
import { CODE, functions, KnownCode, modules, references, SentCode } from "../support/toy_code.ts";
import { BLOB } from "./harness.ts";

const STEPS = 250;
const CLIENTS = ["c1", "c2"];

/** A worker that does what it is told, in its own time. */
class ToyWorker {
  readonly inbox: SchedulerToWorker[] = [];
  readonly tasks = new Set<string>();
  readonly running = new Set<string>();
  readonly data = new Set<string>();
  /** Code as it was sent; checks that it is what it must be. */
  readonly code = new KnownCode();
  /** What it is told to compute, while it has not. */
  readonly orders = new Map<string, ComputeTask>();
  constructor(readonly address: string) {}
}

class Fuzz {
  readonly random: SeededRandom;
  readonly core: SchedulerCore;
  readonly workers = new Map<string, ToyWorker>();
  readonly #sent = new Map(CLIENTS.map((id) => [id, new SentCode()]));
  readonly #wanted = new Map<string, Set<string>>(CLIENTS.map((id) => [id, new Set()]));
  #now = 0;
  #keys = 0;
  #ports = 0;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.core = new SchedulerCore({
      validate: true,
      random: this.random.next,
      workerTtl: 0,
      bandwidth: 1e3,
      unusedParts: { parts: this.random.integer(0, 4), bytes: 100 },
    });
    for (const id of CLIENTS) this.core.addClient(id, 0);
  }

  run(): void {
    for (let i = 0; i < STEPS; i++) {
      this.#now += this.random.next();
      this.#step();
      this.#drain();
    }
    this.#addWorker(["gpu"]);
    this.#settle();
    for (const ts of this.core.tasks.values()) {
      if (ts.whoWants.size === 0) continue;
      assert(["memory", "erred"].includes(ts.state), `${ts.key} ends up ${ts.state}`);
    }
    for (const id of CLIENTS) {
      const keys = [...this.core.clients.get(id)!.wantsWhat].map((ts) => ts.key);
      this.core.clientReleasesKeys(id, keys, this.#now);
    }
    this.#settle();
    assert.equal(this.core.tasks.size, 0, "tasks are left when nobody wants any");
    assert.equal(this.core.totalOccupancy, 0);
    for (const worker of this.workers.values()) {
      assert.equal(worker.tasks.size, 0, `${worker.address} still has ${[...worker.tasks]}`);
      assert.deepEqual([...worker.data], [], `${worker.address} still holds data`);
      worker.code.checkUploads(this.core.uploads);
    }
    for (const id of CLIENTS) this.core.removeClient(id, this.#now);
    assert(this.core.parts.unused.size <= 4, "code is kept that nobody needs");
  }

  #step(): void {
    const { random, core } = this;
    const now = this.#now;
    const client = random.pick(CLIENTS);
    const wanted = [...this.#wanted.get(client)!];
    const keys = [...core.tasks.keys()];
    const some = () => random.sample(random.chance(0.7) ? wanted : [...keys, "?"], 3);
    switch (random.integer(0, 18)) {
      case 0:
      case 1:
      case 2:
        return this.#submit(client, keys);
      case 3:
        return core.clientReleasesKeys(client, this.#unwant(client, some()), now);
      case 4:
        if (random.chance(0.5)) core.stimulusCancel(client, this.#unwant(client, some()), now);
        return;
      case 5:
        if (this.workers.size < 6) this.#addWorker(random.chance(0.5) ? ["gpu"] : []);
        return;
      case 6:
        if (random.chance(0.4)) this.#removeWorker();
        return;
      case 7:
        return this.#scatter(client);
      case 8:
        return core.balance(now);
      case 9:
        return core.reevaluateOccupancy(now);
      case 10:
        return this.#nonsense([...keys, "?"]);
      case 11:
        return this.#letGoOfCode(client);
      case 12:
        return this.#changeStatus();
      case 13:
        return core.checkRetirements(now);
      default:
        for (let i = 0; i < 4; i++) this.#workSomewhere(0.1);
    }
  }

  #submit(client: string, existing: string[]): void {
    const { random } = this;
    const keys: string[] = [];
    const dependencies: string[][] = [];
    const name = random.pick(functions);
    const needs = random.chance(0.3) ? random.sample(references, 2) : undefined;
    for (let i = random.integer(1, 8); i > 0; i--) {
      const again = existing.length > 0 && random.chance(0.1);
      keys.push(again ? random.pick(existing) : `${name}-${this.#keys++}`);
      const pool = [...existing, ...keys.slice(0, -1)];
      if (random.chance(0.02)) pool.push("unknown-1", ...keys);
      dependencies.push(random.sample(pool, random.pick([0, 0, 1, 2, 12])));
    }
    const wanted = random.chance(0.5) ? keys : random.sample(keys, 2);
    for (const key of wanted) this.#wanted.get(client)!.add(key);
    this.core.updateGraph(client, {
      op: "update-graph",
      parts: this.#sent.get(client)!.take([name, ...needs ?? []]),
      groups: [{
        function: name,
        needs,
        keys,
        args: keys.map(() => BLOB),
        dependencies,
        wanted,
        retries: random.integer(0, 2),
        priority: random.integer(0, 1),
        ...(random.chance(0.15) ? { resources: { gpu: 1 } } : {}),
        ...(random.chance(0.15)
          ? { workers: [`n${random.integer(0, 5)}`], allowOtherWorkers: true }
          : {}),
      }],
    }, this.#now);
  }

  #unwant(client: string, keys: string[]): string[] {
    for (const key of keys) this.#wanted.get(client)!.delete(key);
    return keys;
  }

  #scatter(client: string): void {
    const { random } = this;
    if (this.workers.size === 0) return;
    const key = `data-${this.#keys++}`;
    const holders = random.sample([...this.workers.values()], random.integer(1, 2));
    for (const worker of holders) worker.data.add(key);
    this.#wanted.get(client)!.add(key);
    const whoHas = { [key]: holders.map((worker) => worker.address) };
    const needs = random.chance(0.3) ? random.sample(references, 2) : [];
    this.core.updateData(client, {
      op: "update-data",
      parts: this.#sent.get(client)!.take(needs),
      needs: { [key]: needs },
      whoHas,
      nbytes: { [key]: random.integer(0, 5000) },
    }, this.#now);
  }

  /** A client lets go of code, leaves and comes back, or uploads a module. */
  #letGoOfCode(client: string): void {
    const { random, core } = this;
    const now = this.#now;
    const sent = this.#sent.get(client)!;
    if (random.chance(0.6)) {
      core.releaseParts(client, sent.release(random.integer(1, 3), random), now);
    } else if (random.chance(0.3)) {
      core.removeClient(client, now);
      core.addClient(client, now);
      sent.clear();
      this.#wanted.get(client)!.clear();
    } else {
      const name = random.pick(["lib.ts", "other.ts"]);
      const module = random.pick(modules);
      core.uploadFile({ [name]: module }, { [module]: CODE[module] }, now);
    }
  }

  #addWorker(resources: string[]): void {
    const id = this.#ports++;
    const address = `tcp://h${id % 3}:${id}`;
    this.workers.set(address, new ToyWorker(address));
    this.core.addWorker({
      op: "register-worker",
      address,
      host: `h${id % 3}`,
      name: `n${id}`,
      nthreads: this.random.integer(1, 3),
      resources: Object.fromEntries(resources.map((name) => [name, 2])),
      now: this.#now,
      pid: id,
      versions: {},
      nbytes: {},
    }, this.#now);
  }

  /** A worker pauses, goes on, or is to leave. */
  #changeStatus(): void {
    const { random, core } = this;
    if (this.workers.size === 0) return;
    const address = random.pick([...this.workers.keys()]);
    const dice = random.integer(0, 5);
    if (dice <= 2) {
      core.workerStatusChange(address, random.pick(["paused", "running"]), this.#now);
    } else if (dice === 3) {
      const timeout = random.chance(0.5) ? random.next() * 5 : Infinity;
      const close = random.chance(0.8);
      core.retireWorkers([address], { reason: "fuzz", timeout, close }, this.#now);
    } else if (dice === 4) {
      const restart = random.chance(0.5);
      core.workerRetires(address, { op: "retire-worker", reason: "fuzz", restart }, this.#now);
    }
  }

  #removeWorker(): void {
    if (this.workers.size === 0) return;
    const address = this.random.pick([...this.workers.keys()]);
    this.workers.delete(address);
    this.core.removeWorker(address, { safe: this.random.chance(0.8) }, this.#now);
  }

  /** What no honest worker says, or says too late. */
  #nonsense(keys: string[]): void {
    const { random, core } = this;
    const now = this.#now;
    const address = random.pick([...this.workers.keys(), "tcp://gone:1"]);
    const key = random.pick(keys);
    const worker = this.workers.get(address);
    switch (random.integer(0, 7)) {
      case 0:
        worker?.data.add(key);
        return this.#reportFinished(address, key);
      case 1:
        return core.stimulusTaskErred(
          address,
          { op: "task-erred", key: "?", exception: BLOB, traceback: "" },
          now,
        );
      case 2:
        worker?.data.add(key);
        return core.addKeys(address, [key, key], now);
      case 3:
        // It may hold the key or have the task: then it really lets go of it.
        worker?.data.delete(key);
        worker?.tasks.delete(key);
        worker?.running.delete(key);
        return core.releaseKeys(address, [key, "?"], now);
      case 4:
        return core.stealResponse(
          address,
          { op: "steal-response", key, id: random.integer(0, 3), state: "executing" },
          now,
        );
      case 5:
        worker?.data.delete(key);
        return core.reportMissing({ [key]: [address] }, now);
      case 6:
        if (worker) core.threadsChanged(address, random.integer(0, 3), now);
        return;
      case 7:
        return core.clientDesiresKeys(random.pick(CLIENTS), [key], now);
    }
  }

  /** A worker reads a message, or does some work. @returns Whether there was anything to do. */
  #workSomewhere(failures: number): boolean {
    const { random } = this;
    const busy = [...this.workers.values()].filter((w) => w.inbox.length + w.tasks.size > 0);
    if (busy.length === 0) return false;
    const worker = random.pick(busy);
    if (worker.inbox.length > 0 && (worker.tasks.size === 0 || random.chance(0.6))) {
      this.#read(worker, worker.inbox.shift()!);
      return true;
    }
    const key = random.pick([...worker.tasks]);
    if (!worker.running.has(key) && random.chance(0.5)) {
      worker.running.add(key);
      return true;
    }
    worker.tasks.delete(key);
    worker.running.delete(key);
    worker.code.checkTask(worker.orders.get(key)!);
    const luck = random.next();
    if (luck < failures) {
      this.core.stimulusTaskErred(
        worker.address,
        { op: "task-erred", key, exception: BLOB, traceback: "" },
        this.#now,
      );
    } else if (luck < 2 * failures) {
      const missing = random.sample([...this.core.tasks.keys()], 1);
      const holders = [...this.workers.values()].filter((w) => !w.data.has(missing[0]));
      this.core.stimulusMissingData(worker.address, {
        op: "missing-data",
        key,
        missing: Object.fromEntries(missing.map((dep) => [dep, holders.map((w) => w.address)])),
      }, this.#now);
    } else {
      worker.data.add(key);
      this.#reportFinished(worker.address, key);
    }
    this.#drain();
    return true;
  }

  #reportFinished(address: string, key: string): void {
    const { random } = this;
    const known = [...this.workers.get(address)?.code.known ?? []];
    this.core.stimulusTaskFinished(address, {
      op: "task-finished",
      key,
      nbytes: this.random.integer(0, 1000),
      type: "number",
      needs: random.chance(0.3) ? random.sample(known, 2) : undefined,
      start: this.#now,
      stop: this.#now + this.random.next(),
    }, this.#now);
  }

  #read(worker: ToyWorker, message: SchedulerToWorker): void {
    switch (message.op) {
      case "compute-task":
        // It has the result already: it says so again.
        if (worker.data.has(message.key)) this.#reportFinished(worker.address, message.key);
        else worker.tasks.add(message.key);
        worker.orders.set(message.key, message);
        worker.code.learn(message.parts);
        worker.code.checkTask(message);
        break;
      case "upload-file":
        worker.code.learn(message.parts);
        worker.code.uploaded(message.modules);
        break;
      case "forget-parts":
        worker.code.forget(message.parts);
        break;
      case "cancel-compute":
        for (const key of message.keys) {
          worker.tasks.delete(key);
          worker.running.delete(key);
        }
        break;
      case "free-keys":
        for (const key of message.keys) worker.data.delete(key);
        break;
      case "acquire-replicas": {
        const [here, elsewhere]: string[][] = [[], []];
        for (const key in message.whoHas) {
          const isThere = message.whoHas[key].some((at) => this.workers.get(at)?.data.has(key));
          const comes = worker.data.has(key) || (isThere && this.random.chance(0.8));
          (comes ? here : elsewhere).push(key);
        }
        for (const key of here) worker.data.add(key);
        this.core.addKeys(worker.address, here, this.#now);
        this.core.releaseKeys(worker.address, elsewhere, this.#now);
        break;
      }
      case "close":
        this.workers.delete(worker.address);
        this.core.removeWorker(worker.address, { safe: true }, this.#now);
        break;
      case "steal-request": {
        const { key, id } = message;
        const state = worker.data.has(key)
          ? "memory"
          : worker.running.has(key)
          ? "executing"
          : worker.tasks.has(key)
          ? "ready"
          : null;
        if (state === "ready") worker.tasks.delete(key);
        this.core.stealResponse(
          worker.address,
          { op: "steal-response", key, id, state },
          this.#now,
        );
        break;
      }
    }
    this.#drain();
  }

  /** Lets all messages arrive and all work be done. */
  #settle(): void {
    for (const address of this.workers.keys()) {
      this.core.threadsChanged(address, 2, this.#now);
      this.core.workerStatusChange(address, "running", this.#now);
    }
    this.#drain();
    for (let i = 0; i < 100_000; i++) {
      this.#now += 0.01;
      if (this.#workSomewhere(0)) continue;
      // What failed is tried again from time to time.
      this.core.checkRetirements(this.#now);
      this.#drain();
      if (!this.#workSomewhere(0)) return;
    }
    throw new Error("the cluster does not come to rest");
  }

  #drain(): void {
    this.core.drain((address, messages) => {
      this.workers.get(address)?.inbox.push(...messages);
    }, () => {});
  }
}

for (let first = 1; first <= 120; first += 30) {
  Deno.test(`random stimuli keep every invariant, seeds ${first} to ${first + 29}`, () => {
    for (let seed = first; seed < first + 30; seed++) {
      const fuzz = new Fuzz(seed);
      try {
        fuzz.run();
      } catch (error) {
        const story = formatStory(fuzz.core.transitionStory().slice(-30));
        throw new Error(`seed ${seed}: ${(error as Error).message}\n${story}`, { cause: error });
      }
    }
  });
}
