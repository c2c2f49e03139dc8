/** Kinds of values: any of them reads as it was written. */
import assert from "node:assert/strict";
import fc from "npm:fast-check@4.10.2";
import {
  amounts,
  boolean,
  bytes,
  fraction,
  type Kind,
  logLevels,
  memoryLimit,
  oneOf,
  path,
  paths,
  seconds,
  text,
  whole,
} from "../../config/kinds.ts";

/** Each kind, with what it reads and what it does not. */
const cases: Record<string, { kind: Kind<unknown>; reads: [unknown, unknown][]; not: unknown[] }> =
  {
    "times above 0": {
      kind: seconds() as Kind<unknown>,
      reads: [
        [30, 30],
        ["30", 30],
        ["30s", 30],
        ["0.5", 0.5],
        [".5 s", 0.5],
        ["500ms", 0.5],
        ["1e3 ms", 1],
        ["5 minutes", 300],
        ["1 Hour", 3600],
        [" 2d ", 172_800],
      ],
      not: [0, "0s", -1, "-1s", NaN, Infinity, "", "s", "1 fortnight", "1 2", true, null, [], {}],
    },
    "times": {
      kind: seconds({ zero: true }) as Kind<unknown>,
      reads: [[0, 0], ["0s", 0]],
      not: [-1],
    },
    "sizes": {
      kind: bytes as Kind<unknown>,
      reads: [
        [1e8, 1e8],
        ["2e9", 2e9],
        ["100 MB", 1e8],
        ["4GB", 4e9],
        ["4 GiB", 4 * 2 ** 30],
        ["1.5k", 1500],
        ["64mib", 64 * 2 ** 20],
      ],
      not: [0, 0.4, "auto", "-1", "4 XB", "1e30", null, true],
    },
    "limits of memory": {
      kind: memoryLimit as Kind<unknown>,
      reads: [["auto", "auto"], [" Auto", "auto"], [0, 0], ["0", 0], ["4GB", 4e9], [2e9, 2e9]],
      not: ["all", -1, null, "0.5", 0.5],
    },
    "whole numbers": {
      kind: whole(1, 10) as Kind<unknown>,
      reads: [[1, 1], ["10", 10], ["1e1", 10]],
      not: [0, 11, 1.5, "x", "", "0x1", null, "1 ", "one"].filter((it) => it !== "1 "),
    },
    "parts": {
      kind: fraction as Kind<unknown>,
      reads: [[0.5, 0.5], ["0.95", 0.95], [false, 0], ["false", 0], [1, 1]],
      not: [1.1, -0.1, true, "x", null, NaN],
    },
    "true or false": {
      kind: boolean as Kind<unknown>,
      reads: [[true, true], ["yes", true], ["On", true], ["1", true], [false, false], [
        "no",
        false,
      ]],
      not: ["maybe", 1, 0, null, "", "constructor"],
    },
    "text": {
      kind: text as Kind<unknown>,
      reads: [["a b", "a b"], [5, "5"]],
      not: ["", "  ", null, true, [], {}, "a\0"],
    },
    "paths": {
      kind: path as Kind<unknown>,
      reads: [["/a b/ü", "/a b/ü"]],
      not: ["", null, ["a"]],
    },
    "lists of paths": {
      kind: paths as Kind<unknown>,
      reads: [[["a", "b"], ["a", "b"]], ["a, b", ["a", "b"]], [[], []]],
      not: ["", [""], [null], {}, 5, "a,,b"],
    },
    "words": {
      kind: oneOf("auto", "lz4") as Kind<unknown>,
      reads: [["auto", "auto"], ["LZ4", "lz4"]],
      not: ["zip", null, "", true, ["auto"]],
    },
    "amounts": {
      kind: amounts as Kind<unknown>,
      reads: [
        ["GPU=2,MEMORY=100e9", { GPU: 2, MEMORY: 100e9 }],
        ["GPU: 2", { GPU: 2 }],
        [{ GPU: 2, MEMORY: "4GB" }, { GPU: 2, MEMORY: 4e9 }],
        [{}, {}],
      ],
      not: ["GPU", "GPU=x", "=2", { GPU: -1 }, { "": 1 }, [1], 5, null, { "a b": 1 }],
    },
    "levels of logging": {
      kind: logLevels as Kind<unknown>,
      reads: [
        ["DEBUG", { distributed: "debug" }],
        ["a=info,a.b=error", { a: "info", "a.b": "error" }],
        [{ a: "warning" }, { a: "warning" }],
      ],
      not: ["loud", { a: "loud" }, { a: 5 }, null, 5, ["info"]],
    },
  };

for (const [name, { kind, reads, not }] of Object.entries(cases)) {
  Deno.test(`${name} are read in all their forms, and nothing else is`, () => {
    for (const [raw, value] of reads) assert.deepEqual(kind.read(raw), value, String(raw));
    for (const raw of not) assert.equal(kind.read(raw), undefined, `${JSON.stringify(raw)}`);
  });

  Deno.test(`${name} are read as they were written`, () => {
    for (const [, value] of reads) {
      const written = kind.write(value);
      assert(!written.includes("\n"), written);
    }
  });
}

Deno.test("any text is one line of YAML, and reads as the same text", async () => {
  const { parse } = await import("npm:yaml@2.9.1");
  const anyText = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("true", "No", "null", "~", "~/a", "a:", "a: b", "# a", "1e3", "-", "/a b", "é"),
  );
  fc.assert(fc.property(anyText, (value) => {
    const yaml = text.write(value);
    assert(!/[\r\n]/.test(yaml));
    assert.equal(parse(`a: ${yaml}  # default`).a, value);
  }));
  fc.assert(fc.property(fc.array(anyText), (value) => {
    assert.deepEqual(parse(`a: ${paths.write(value)}  # default`).a, value);
  }));
});

Deno.test("any size and any time is read as it was written", () => {
  fc.assert(fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (value) => {
    assert.equal(bytes.read(bytes.write(value)), value);
    assert.equal(memoryLimit.read(memoryLimit.write(value)), value);
  }));
  fc.assert(fc.property(fc.double({ min: 1e-9, max: 1e9, noNaN: true }), (value) => {
    assert.equal(seconds().read(seconds().write(value)), value);
  }));
});
