/**
 * Cuts the bytes that a program prints into lines of text.
 *
 * @module
 */

/** Longest line, in UTF-16 units: a longer one is given out in parts. */
const LONGEST_LINE = 16_384;

/**
 * A stream that takes bytes and gives lines, without their line breaks. What a terminal would take for
 * an order is left out, but for colours.
 */
export function lineSplitter(): TransformStream<Uint8Array, string> {
  const decoder = new TextDecoder();
  let rest = "";
  return new TransformStream({
    transform(bytes, controller) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop()!;
      for (const line of lines) controller.enqueue(harmless(line));
      while (rest.length > LONGEST_LINE) {
        controller.enqueue(harmless(rest.slice(0, LONGEST_LINE)));
        rest = rest.slice(LONGEST_LINE);
      }
    },
    flush(controller) {
      rest += decoder.decode();
      if (rest !== "") controller.enqueue(harmless(rest));
    },
  });
}

/** Control characters, and sequences of them other than the ones for colours. */
// deno-lint-ignore no-control-regex
const ORDERS = /\x1b(?!\[[\d;]*m)(?:\[[\d;?]*[ -/]*[@-~])?|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]/g;

function harmless(line: string): string {
  return line.replace(ORDERS, "");
}
