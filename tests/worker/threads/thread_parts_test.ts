/** Which code a thread is sent, when, and under which numbers. */
import assert from "node:assert/strict";
import { serialize } from "../../../protocol/values.ts";
import { RecordReader, RecordWriter } from "../../../worker/threads/record_codec.ts";
import {
  learnBound,
  type LearnRecord,
  learnRoom,
  readLearn,
  readTask,
  readUploads,
  RecordKind,
  type TaskRecord,
  taskRoom,
  uploadsRoom,
  writeLearn,
  writeTask,
  writeUploads,
} from "../../../worker/threads/records.ts";
import { ThreadInbox } from "../../../worker/threads/thread_inbox.ts";
import { threadMemory } from "../../../worker/threads/thread_memory.ts";
import { RingReader } from "../../../worker/threads/ring.ts";
import { ThreadParts } from "../../../worker/threads/thread_parts.ts";
import type { ThreadPart } from "../../../worker/threads/thread_task.ts";

/** A thread's end of its ring, and of its port. */
class Ear {
  readonly memory = threadMemory();
  readonly inbox: ThreadInbox;
  readonly parts: ThreadParts;
  readonly #posted: { record: Uint8Array; beside: ArrayBuffer[] }[] = [];
  readonly #ring = new RingReader(this.memory.inRing);

  constructor() {
    const port = { postMessage: (message: never) => void this.#posted.push(message) };
    this.inbox = new ThreadInbox(this.memory, port as unknown as MessagePort);
    this.parts = new ThreadParts(this.inbox);
  }

  /** What has come, in short: `learn 2 f (1)`, `forget 1 2`, `uploads lib=1`. */
  heard(most = Infinity): string[] {
    const heard: string[] = [];
    const reader = new RecordReader();
    while (heard.length < most && this.#ring.next()) {
      const { bytes, view, offset, end } = this.#ring;
      reader.begin(bytes, view, offset, end, []);
      let kind = reader.u8();
      if (kind === RecordKind.BY_MESSAGE) {
        const { record, beside } = this.#posted.shift()!;
        const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
        reader.begin(record, view, 0, record.byteLength, beside);
        kind = reader.u8();
        heard.push(`posted ${show(kind, reader)}`);
      } else {
        heard.push(show(kind, reader));
      }
      this.#ring.release();
    }
    return heard;
  }
}

function show(kind: number, reader: RecordReader): string {
  if (kind === RecordKind.LEARN) {
    const { id, name, needs } = readLearn(reader);
    return `learn ${id} ${name} (${needs.join(" ")})`;
  }
  if (kind === RecordKind.UPLOADS) {
    return `uploads ${Array.from(readUploads(reader), ([name, id]) => `${name}=${id}`).join(" ")}`;
  }
  assert.equal(kind, RecordKind.FORGET);
  return `forget ${Array.from({ length: reader.u32() }, () => reader.u32()).join(" ")}`;
}

function part(name: string, needs: ThreadPart[] = [], bytes = 10): ThreadPart {
  return { name, code: serialize(new Uint8Array(bytes)), origin: undefined, needs };
}

Deno.test("a thread learns each part once, after what it needs", () => {
  const ear = new Ear();
  const b = part("b");
  const c = part("c", [b]);
  assert.equal(ear.parts.numberOf(part("f", [c, b])), 3);
  assert.deepEqual(ear.heard(), ["learn 1 b ()", "learn 2 c (1)", "learn 3 f (2 1)"]);
  assert.deepEqual(ear.parts.numbersOf([part("g", [c]), part("f", [c, b])]), [4, 3]);
  assert.deepEqual(ear.heard(), ["learn 4 g (2)"]);
});

Deno.test("a part that was forgotten is learned anew, under another number", () => {
  const ear = new Ear();
  const c = part("c");
  const f = part("f", [c]);
  ear.parts.numberOf(f);
  ear.parts.forget(["f", "never heard of", "c"]);
  assert.equal(ear.parts.numberOf(f), 4);
  assert.deepEqual(ear.heard().slice(2), ["forget 2 1", "learn 3 c ()", "learn 4 f (3)"]);
});

Deno.test("a large part goes by message, its memory beside it", () => {
  const ear = new Ear();
  ear.parts.numberOf(part("f", [part("b1", [], 1e6), part("b2", [], 60_000)]));
  assert.deepEqual(ear.heard(), ["posted learn 1 b1 ()", "learn 2 b2 ()", "learn 3 f (1 2)"]);
});

Deno.test("where the ring has no room for all parts, the rest is sent later, each still once", () => {
  const ear = new Ear();
  const needs = Array.from({ length: 10 }, (_, i) => part(`b${i}`, [], 60_000));
  const f = part("f", needs);
  assert.equal(ear.parts.numberOf(f), -1);
  const heard = ear.heard();
  assert(heard.length > 0 && heard.length < 10);
  for (let tries = 0; ear.parts.numberOf(f) < 0; tries++) {
    assert(tries < 10);
    heard.push(...ear.heard());
  }
  heard.push(...ear.heard());
  assert.equal(heard.length, 11);
  assert.equal(heard[10], "learn 11 f (1 2 3 4 5 6 7 8 9 10)");
});

Deno.test("uploaded modules are told of before those that they replace are forgotten", () => {
  const ear = new Ear();
  const before = part("m1");
  ear.parts.setUploads(new Map([["lib.ts", before], ["lib", before]]));
  assert(ear.parts.catchUp());
  assert.deepEqual(ear.heard(), ["learn 1 m1 ()", "uploads lib.ts=1 lib=1"]);
  assert(ear.parts.catchUp());
  assert.deepEqual(ear.heard(), []);
  ear.parts.setUploads(new Map([["lib.ts", part("m2")]]));
  ear.parts.forget(["m1"]);
  assert.deepEqual(ear.heard(), ["learn 2 m2 ()", "uploads lib.ts=2", "forget 1"]);
});

Deno.test("a module that is uploaded again before the thread could be told to forget it stays", () => {
  const ear = new Ear();
  const needed = part("b");
  const before = part("m1", [needed]);
  ear.parts.setUploads(new Map([["lib.ts", before]]));
  assert(ear.parts.catchUp());
  ear.heard();
  while (ear.inbox.forget([99]));
  ear.parts.setUploads(new Map([["lib.ts", part("m2")]]));
  ear.parts.forget(["m1", "b"]);
  ear.parts.setUploads(new Map([["lib.ts", before]]));
  assert(ear.heard().every((text) => text === "forget 99"));
  assert(ear.parts.catchUp());
  assert.deepEqual(ear.heard(), ["uploads lib.ts=2"]);
});

Deno.test("the names of many modules go by message", () => {
  const ear = new Ear();
  const module = part("m");
  const names = Array.from({ length: 5000 }, (_, i) => `folder/module_${i}.ts`);
  ear.parts.setUploads(new Map(names.map((name) => [name, module])));
  assert(ear.parts.catchUp());
  const [learned, told] = ear.heard();
  assert.equal(learned, "learn 1 m ()");
  assert.equal(told, `posted uploads ${names.map((name) => `${name}=1`).join(" ")}`);
});

Deno.test("a thread that is far behind is told to forget once it has room for that", () => {
  const ear = new Ear();
  const parts = Array.from({ length: 3 }, (_, i) => part(`b${i}`, [], 60_000));
  assert.deepEqual(ear.parts.numbersOf(parts), [1, 2, 3]);
  const small = Array.from({ length: 3000 }, (_, i) => part(`f${i}`));
  assert.equal(ear.parts.numbersOf(small), undefined);
  ear.parts.forget(parts.map((part) => part.name));
  assert.equal(ear.parts.catchUp(), true, "it is a short record");
  ear.heard();
  for (let i = 0; ear.parts.numbersOf(small) === undefined; i++) {
    assert(i < 100);
    ear.heard();
  }
  ear.heard();
  ear.parts.forget(small.map((part) => part.name));
  assert.deepEqual(ear.heard().map((text) => text.split(" ").length - 1), [1000, 1000, 1000]);
});

Deno.test("records of parts and tasks come back as they were written, in the room that they asked for", () => {
  const roundTrip = <T>(
    room: number,
    write: (w: RecordWriter) => void,
    read: (r: RecordReader) => T,
  ) => {
    const writer = new RecordWriter(new Uint8Array(room));
    write(writer);
    const { record, beside } = writer.posted();
    assert(record.length <= room);
    const reader = new RecordReader();
    const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
    reader.begin(record, view, 1, record.byteLength, beside);
    return read(reader);
  };
  const code = serialize(new Uint8Array(1e5));
  for (const origin of [undefined, serialize(["file:///a.ts"])]) {
    const part: LearnRecord = { id: 7, name: `f${"0".repeat(32)}`, needs: [1, 2], code, origin };
    assert.equal(learnBound(part), Infinity);
    assert.deepEqual(roundTrip(learnRoom(part), (w) => writeLearn(w, part), readLearn), part);
  }
  const task: TaskRecord = {
    slot: 1,
    serial: 2,
    functionId: 3,
    key: "é",
    args: serialize([1]),
    needs: [4, 5],
    dependencies: undefined,
    timeout: 6,
  };
  assert.deepEqual(roundTrip(taskRoom(task), (w) => writeTask(w, task), readTask), task);
  const modules = new Map([["lib.ts", 1], ["é", 2]]);
  assert.deepEqual(
    roundTrip(uploadsRoom(modules), (w) => writeUploads(w, modules), readUploads),
    modules,
  );
});
