/** What programs print, as lines. */
import assert from "node:assert/strict";
import { lineSplitter } from "../../../deploy/ssh/line_splitter.ts";

async function lines(...chunks: (string | Uint8Array)[]): Promise<string[]> {
  const encoder = new TextEncoder();
  const bytes = chunks.map((chunk) => typeof chunk === "string" ? encoder.encode(chunk) : chunk);
  return await Array.fromAsync(ReadableStream.from(bytes).pipeThrough(lineSplitter()));
}

Deno.test("lines are cut where they end, however the bytes come", async () => {
  assert.deepEqual(await lines("a\nb", "c\n\nd"), ["a", "bc", "", "d"]);
  assert.deepEqual(await lines("a\r\n"), ["a"]);
  assert.deepEqual(await lines(new Uint8Array([0xc3]), new Uint8Array([0xa9, 10])), ["é"]);
  assert.deepEqual(await lines(), []);
});

Deno.test("a line without end comes in parts", async () => {
  const parts = await lines("x".repeat(50_000));
  assert.ok(parts.length > 1);
  assert.equal(parts.join(""), "x".repeat(50_000));
});

Deno.test("what a terminal would obey is left out, but for colours", async () => {
  assert.deepEqual(await lines("\x1b[31mred\x1b[0m \x1b[2J\x1b]0;title\x07 \x08\x7f\tend\n"), [
    "\x1b[31mred\x1b[0m ]0;title \tend",
  ]);
});
