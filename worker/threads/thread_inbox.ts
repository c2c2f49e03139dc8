/**
 * What the pool sends to a thread: records through the ring or, when too large for it, by message; and
 * the bell that wakes the thread.
 *
 * @module
 */
import { RecordWriter } from "./record_codec.ts";
import {
  forgetRoom,
  learnBound,
  type LearnRecord,
  learnRoom,
  RecordKind,
  taskBound,
  type TaskRecord,
  taskRoom,
  uploadsRoom,
  writeForget,
  writeLearn,
  writeTask,
  writeUploads,
} from "./records.ts";
import { RingWriter } from "./ring.ts";
import type { ToThread } from "./thread_loop.ts";
import { MAX_INLINE_BYTES, Sleep, type ThreadMemory, Word } from "./thread_memory.ts";

/** Sends to one thread. Each method returns false when there is no room now, and has then sent nothing. */
export class ThreadInbox {
  readonly #words: Int32Array;
  readonly #ring: RingWriter;
  readonly #writer: RecordWriter;
  readonly #port: MessagePort;

  /** @param memory Shared with the thread. @param port Leads to the thread. */
  constructor(memory: ThreadMemory, port: MessagePort) {
    this.#words = memory.words;
    this.#ring = new RingWriter(memory.inRing);
    this.#writer = new RecordWriter(this.#ring.bytes, this.#ring.view);
    this.#port = port;
  }

  /** Sends a task. */
  task(task: TaskRecord): boolean {
    const bound = taskBound(task);
    if (bound === Infinity) {
      return this.#byMessage(taskRoom(task), (writer) => writeTask(writer, task));
    }
    const at = this.#ring.reserve(bound);
    if (at < 0) return false;
    this.#writer.position = at;
    writeTask(this.#writer, task);
    this.#ring.commit(this.#writer.position - at);
    return true;
  }

  /** Sends a part. */
  learn(part: LearnRecord): boolean {
    const bound = learnBound(part);
    const write = (writer: RecordWriter) => writeLearn(writer, part);
    return bound === Infinity
      ? this.#byMessage(learnRoom(part), write)
      : this.#throughRing(bound, write);
  }

  /** Sends which parts to forget, at most as many as a record holds. */
  forget(ids: readonly number[]): boolean {
    return this.#throughRing(forgetRoom(ids), (writer) => writeForget(writer, ids));
  }

  /** Sends the names of all uploaded modules. */
  uploads(modules: ReadonlyMap<string, number>): boolean {
    const room = uploadsRoom(modules);
    const write = (writer: RecordWriter) => writeUploads(writer, modules);
    return room > MAX_INLINE_BYTES ? this.#byMessage(room, write) : this.#throughRing(room, write);
  }

  /** Posts a message. */
  post(message: ToThread, transfer: Transferable[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  /** Wakes the thread, if it sleeps. */
  wake(): void {
    const words = this.#words;
    const sleep = Atomics.load(words, Word.SLEEP);
    if (sleep === Sleep.AWAKE) return;
    Atomics.add(words, Word.BELL, 1);
    if (sleep === Sleep.WAIT_MESSAGE) this.post(0);
    else Atomics.notify(words, Word.BELL);
  }

  #throughRing(bound: number, write: (writer: RecordWriter) => void): boolean {
    const at = this.#ring.reserve(bound);
    if (at < 0) return false;
    this.#writer.position = at;
    write(this.#writer);
    this.#ring.commit(this.#writer.position - at);
    return true;
  }

  /** The ring only says that a record comes by message, so that the order stays. */
  #byMessage(room: number, write: (writer: RecordWriter) => void): boolean {
    const at = this.#ring.reserve(1);
    if (at < 0) return false;
    const writer = new RecordWriter(new Uint8Array(room));
    write(writer);
    const posted = writer.posted();
    this.post({ kind: "record", ...posted }, [posted.record.buffer, ...posted.beside]);
    this.#writer.position = at;
    this.#writer.u8(RecordKind.BY_MESSAGE);
    this.#ring.commit(1);
    return true;
  }
}
