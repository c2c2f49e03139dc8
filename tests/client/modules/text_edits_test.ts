/**
 * Edited text keeps its source map.
 */
import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import {
  applyEdits,
  type Edit,
  lineOf,
  lineStarts,
  withoutBlankStart,
} from "../../../client/modules/text_edits.ts";
import { SourceMap } from "../../../protocol/functions/source_map.ts";

/** Mappings in which each word of a text comes from a line of its own. */
function mappingsOf(text: string): string {
  const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const number = (value: number): string => {
    let bits = value < 0 ? (-value << 1) | 1 : value << 1;
    let out = "";
    do {
      out += digits[(bits & 31) | (bits > 31 ? 32 : 0)];
      bits >>>= 5;
    } while (bits > 0);
    return out;
  };
  let first = true;
  return text.split("\n").map((line) => {
    let before = 0;
    return [...line.matchAll(/\w+/g)].map(({ index }) => {
      const segment = number(index - before) + "A" + number(first ? 0 : 1) + "A";
      before = index;
      first = false;
      return segment;
    }).join(",");
  }).join(";");
}

/** The original line of each word. */
function wordLines(code: string, mappings: string): Record<string, number | undefined> {
  const map = new SourceMap(["file:///a.ts"], mappings);
  const starts = lineStarts(code);
  const lines: Record<string, number | undefined> = {};
  for (const { 0: word, index } of code.matchAll(/w\d+/g)) {
    const line = lineOf(starts, index);
    lines[word] = map.place(line, index - starts[line])?.line;
  }
  return lines;
}

Deno.test("words that no edit touches come from where they came from", () => {
  const word = fc.nat(3).map((spaces) => " ".repeat(spaces));
  fc.assert(fc.property(
    fc.array(fc.array(word, { maxLength: 6 }), { maxLength: 6 }),
    fc.array(fc.tuple(fc.nat(40), fc.stringMatching(/^[a-v ]{0,60}$/)), { maxLength: 8 }),
    (shape, changes) => {
      let count = 0;
      const code = shape.map((line) => line.map((space) => `${space}w${count++}`).join(" ;"))
        .join("\n");
      const mappings = mappingsOf(code);
      const edits = new Map<number, Edit>();
      for (const [number, text] of changes) {
        const match = new RegExp(`\\bw${number}\\b`).exec(code);
        if (match === null) continue;
        const start = match.index;
        edits.set(start, { start, end: start + match[0].length, text });
      }
      const edited = applyEdits({ code, mappings }, [...edits.values()]);
      assert.equal(edited.code.split("\n").length, code.split("\n").length);
      const before = wordLines(code, mappings);
      for (const [word, line] of Object.entries(wordLines(edited.code, edited.mappings))) {
        assert.equal(line, before[word], word);
      }
    },
  ));
});

Deno.test("text before the first column moves its line only", () => {
  const code = "w0 w1\nw2";
  const edited = applyEdits({ code, mappings: mappingsOf(code) }, [
    { start: 0, end: 0, text: "(function(){" },
    { start: 3, end: 3, text: "  " },
  ]);
  assert.equal(edited.code, "(function(){w0   w1\nw2");
  assert.deepEqual(wordLines(edited.code, edited.mappings), { w0: 1, w1: 2, w2: 3 });
});

Deno.test("a replacement that is shorter leaves its own position inside", () => {
  const code = "w0 w1 w2";
  const edited = applyEdits({ code, mappings: mappingsOf(code) }, [{
    start: 0,
    end: 5,
    text: "a",
  }]);
  assert.equal(edited.code, "a w2");
  assert.deepEqual(wordLines(edited.code, edited.mappings), { w2: 3 });
});

Deno.test("a text without the blank lines at its beginning keeps its map", () => {
  const text = "\n  \n\nw1 w2\n\nw3\n";
  const { code, mappings } = withoutBlankStart({ code: text, mappings: mappingsOf(text) });
  assert.equal(code, "w1 w2\n\nw3\n");
  assert.deepEqual(wordLines(code, mappings), wordLines(text, mappingsOf(text)));
});
