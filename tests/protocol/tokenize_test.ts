/** Tokens of content. */
import assert from "node:assert/strict";
import { tokenize } from "../../protocol/tokenize.ts";
import { serialize } from "../../protocol/values.ts";

Deno.test("a token is 32 hexadecimal digits, the same for the same content on every machine", () => {
  assert.match(tokenize("x"), /^[0-9a-f]{32}$/);
  assert.equal(tokenize("inc", serialize([1, { a: "x" }])), "36f140839744ba43ff92c56b1951cbe2");
});

Deno.test("different content has different tokens", () => {
  const text = new TextEncoder().encode("ab");
  const tokens = [
    tokenize(),
    tokenize(""),
    tokenize("", ""),
    tokenize("ab"),
    tokenize("a", "b"),
    tokenize("ab", ""),
    tokenize(text),
    tokenize(serialize("ab")),
    tokenize(...serialize("ab").frames),
    tokenize(serialize(["ab"])),
    tokenize("x".repeat(5000)),
    tokenize("x".repeat(5001)),
    tokenize("x".repeat(4090), "y".repeat(100)),
    tokenize("x".repeat(4091), "y".repeat(100)),
  ];
  assert.equal(new Set(tokens).size, tokens.length);
});

Deno.test("the place of the content in memory makes no difference", () => {
  const array = new Float64Array(10_000).map((_, i) => i);
  assert.equal(
    tokenize("f", serialize(array.subarray(1000, 3000))),
    tokenize("f", serialize(array.slice(1000, 3000))),
  );
});
