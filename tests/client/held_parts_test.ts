/** Which parts of code the scheduler holds for a client, and which of them it lets go of. */
import assert from "node:assert/strict";
import { HeldParts } from "../../client/held_parts.ts";
import type { GroupOptions, TaskCode } from "../../client/outbox.ts";
import { Outbox } from "../../client/outbox.ts";
import type { ClientMessage, CodePart, UpdateGraph } from "../../protocol/messages.ts";
import { Serialized } from "../../protocol/serialized.ts";

const noOptions: GroupOptions = {};
const args = new Serialized([new Uint8Array(10)]);

/** A part of some size. */
function part(nbytes: number, ...needs: string[]): CodePart {
  return { code: new Serialized([new Uint8Array(nbytes)]), needs };
}

/** A function's code that has parts of 100 bytes, of which the first is its own. */
function code(parts: Record<string, CodePart>, others: TaskCode["others"] = []): TaskCode {
  return { function: Object.keys(parts)[0], parts: new Map(Object.entries(parts)), others };
}

/** An outbox that sends at once what is flushed, and what it has sent. */
function outboxOf(parts: HeldParts): { outbox: Outbox; sent: ClientMessage[][] } {
  const sent: ClientMessage[][] = [];
  return { outbox: new Outbox((messages) => sent.push(messages), parts), sent };
}

/** Names of the parts in the messages of each turn, a "-" before those that are released. */
function traffic(sent: ClientMessage[][]): string[] {
  return sent.map((messages) =>
    messages.flatMap((message) => {
      if (message.op === "update-graph") return Object.keys(message.parts);
      return message.op === "release-parts" ? message.parts.map((name) => `-${name}`) : [];
    }).sort().join(" ")
  );
}

Deno.test("a part is sent with the first task that needs it, and once on a connection", () => {
  const { outbox, sent } = outboxOf(new HeldParts());
  const f = code({ f: part(100, "c"), c: part(100, "b"), b: part(100) });
  const g = code({ g: part(100, "b"), b: part(100) });
  for (const each of [f, g, f]) {
    outbox.addTask(each, noOptions, "key", args, 10, undefined);
    outbox.flush();
  }
  assert.deepEqual(traffic(sent), ["b c f", "g", ""]);
  outbox.clear();
  outbox.addTask(g, noOptions, "key", args, 10, undefined);
  outbox.flush();
  assert.equal(traffic(sent).at(-1), "b g");
});

Deno.test("what was not used for longest is let go of, with what only it needs", () => {
  const { outbox, sent } = outboxOf(new HeldParts({ roots: 2, bytes: 1e9 }));
  const shared = { b: part(100) };
  const f = code({ f: part(100, "b", "c"), c: part(100), ...shared });
  const g = code({ g: part(100, "b"), ...shared });
  const h = code({ h: part(100) });
  for (const each of [f, g, h, f, h]) {
    outbox.addTask(each, noOptions, "key", args, 10, undefined);
    outbox.flush();
  }
  assert.deepEqual(traffic(sent), ["b c f", "g", "-c -f h", "-g c f", ""]);
});

Deno.test("the limit in bytes lets go too, but never of what the turn has used", () => {
  const { outbox, sent } = outboxOf(new HeldParts({ roots: 100, bytes: 250 }));
  const large = code({ f: part(1000) });
  const small = code({ g: part(100) });
  for (const each of [large, large, small, large]) {
    outbox.addTask(each, noOptions, "key", args, 10, undefined);
    outbox.flush();
  }
  assert.deepEqual(traffic(sent), ["f", "", "-f g", "-g f"]);
});

Deno.test("a graph is cut by the bytes of its code as well", () => {
  const { outbox, sent } = outboxOf(new HeldParts());
  const f = code({ f: part(40 * 2 ** 20) });
  const g = code({ g: part(40 * 2 ** 20) });
  for (const each of [f, g, f]) outbox.addTask(each, noOptions, "key", args, 10, undefined);
  outbox.flush();
  const graphs = sent[0] as UpdateGraph[];
  assert.deepEqual(graphs.map(({ groups }) => groups.map((group) => group.function)), [
    ["f", "g"],
    ["f"],
  ]);
  assert.deepEqual(graphs.map(({ parts }) => Object.keys(parts)), [["f", "g"], []]);
});

Deno.test("calls in a row share a group and what their arguments need, up to a number", () => {
  const { outbox, sent } = outboxOf(new HeldParts());
  const parts = { f: part(100) };
  for (let i = 0; i < 20; i++) {
    const other = { needs: [`c${i}`], parts: new Map([[`c${i}`, part(100)]]) };
    outbox.addTask(code(parts, [other]), noOptions, `key-${i}`, args, 10, undefined);
  }
  outbox.addTask(code(parts), noOptions, "last", args, 10, undefined);
  outbox.flush();
  const [{ groups }] = sent[0] as UpdateGraph[];
  assert.deepEqual(groups.map(({ keys, needs }) => [keys.length, needs?.length]), [[16, 16], [
    5,
    4,
  ]]);
});

Deno.test("data that refers to code brings what is not there yet", () => {
  const { outbox, sent } = outboxOf(new HeldParts());
  const needed = { needs: ["c"], parts: new Map([["c", part(100, "b")], ["b", part(100)]]) };
  assert.deepEqual(Object.keys(outbox.partsFor([needed, needed])!), ["c", "b"]);
  assert.equal(outbox.partsFor([needed]), undefined);
  outbox.addTask(code({ f: part(1, "b"), b: part(100) }), noOptions, "key", args, 10, undefined);
  outbox.flush();
  assert.deepEqual(traffic(sent), ["f"]);
});
