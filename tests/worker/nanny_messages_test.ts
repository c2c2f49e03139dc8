/** What a worker's process says to its nanny, among what its tasks print. */
import assert from "node:assert/strict";
import { encodeLine, type FromChild, MarkedLines, shortened } from "../../worker/nanny_messages.ts";

const MARK = "\x1esecret ";

/** All that comes out, in order: texts, and messages. */
function read(chunks: string[]): { text: string; messages: FromChild[] } {
  const messages: FromChild[] = [];
  let text = "";
  const lines = new MarkedLines(MARK, (more) => text += more, (message) => messages.push(message));
  for (const chunk of chunks) lines.push(chunk);
  lines.end();
  return { text, messages };
}

const joined: FromChild = { op: "joined", address: "tcp://10.0.0.1:9" };
const leaving: FromChild = { op: "leaving", reason: "line\nbreak, \x1e and \u2028" };

Deno.test("messages are told from what is printed, wherever the output is cut", () => {
  const printed = ["one\n", "no line break", "\x1e\x1esecre", "\x1esecret"];
  const output = printed[0] + encodeLine(joined, MARK) + printed[1] + encodeLine(leaving, MARK) +
    printed[2] + encodeLine(joined, MARK) + printed[3];
  const expected = { text: printed.join(""), messages: [joined, leaving, joined] };
  assert.deepEqual(read([output]), expected);
  assert.deepEqual(read([...output]), expected);
  for (let at = 0; at < output.length; at++) {
    assert.deepEqual(read([output.slice(0, at), output.slice(at)]), expected, `cut at ${at}`);
  }
});

Deno.test("what a task prints is shown at once, unless it may be the begin of a message", () => {
  let text = "";
  const lines = new MarkedLines(MARK, (more) => text += more, () => assert.fail());
  lines.push("no line break");
  assert.equal(text, "no line break");
  lines.push("\x1esec");
  assert.equal(text, "no line break");
  lines.push("ular");
  assert.equal(text, "no line break\x1esecular");
});

Deno.test("lines with another mark, torn lines and endless lines are no messages", () => {
  const forged = encodeLine({ op: "leaving", reason: "forged" }, "\x1eguessed ");
  assert.deepEqual(read([forged]), { text: forged, messages: [] });
  const torn = `${MARK}{"op":"lea task output\n`;
  assert.deepEqual(read([torn, encodeLine(joined, MARK)]), { text: torn, messages: [joined] });
  const endless = MARK + "x".repeat(600_000);
  const { messages } = read([endless, "x".repeat(600_000), "\n", encodeLine(joined, MARK)]);
  assert.deepEqual(messages, [joined]);
});

Deno.test("reasons are passed on up to a length", () => {
  assert.equal(shortened("short"), "short");
  assert.equal(shortened("x".repeat(5000)).length, 1001);
});
