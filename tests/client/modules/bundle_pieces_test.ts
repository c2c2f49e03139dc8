/** Large files of bundles, of which only pieces are parsed. */
import assert from "node:assert/strict";
import { readPieces } from "../../../client/modules/bundle_pieces.ts";

/** What keeps the rest from being small. */
const filler = `// filler.js\nvar filler = "${"x".repeat(2 ** 16)}";\n`;

/** Read a file in which nothing is looked for but a word. */
function read(text: string, word = "import") {
  const code = filler + text;
  const places = () => [...code.matchAll(new RegExp(`\\b${word}\\b`, "g"))].map((m) => m.index);
  const { tree, plain, comments } = readPieces(code, places);
  return {
    parsed: tree.body.map(({ start, end }) => code.slice(start, end)),
    plain: Object.fromEntries(plain.map((p) => [p.title.value.trim(), p.variables])),
    titles: comments.map(({ value }) => value.trim()),
  };
}

Deno.test("statements in which nothing is looked for tell their variables unparsed", () => {
  const a = `// a.js
function one(x) {
  return { two: 2, three: [x,
    4] };
}
async function* later() {
}
class Two extends one.Two {
}
var three = {
  four: 4
};
var five = (a, b) => {
};
var six = /* @__PURE__ */ new Set();
var seven;
function eight({ a, b } = {}, c = ",") {
}
var nine = class Nine extends one.Nine {
  b = 1;
};
var ten = "a, \\" b";
var eleven = /* @__PURE__ */ make(one, [2, 3], (x, y) => {
});
eleven.twelve = [
  1
];
make(one, { two });
`;
  const b = `// b.js\nvar b = 1;\nimport "node:fs";\nvar c = 1;\n`;
  const { parsed, plain, titles } = read(a + b);
  const names = ["one", "later", "Two", "three", "five", "six", "seven", "eight", "nine", "ten"];
  assert.deepEqual(plain["a.js"], [...names, "eleven"]);
  assert.deepEqual(plain["b.js"], ["b", "c"]);
  assert.deepEqual(parsed, [`import "node:fs";`]);
  assert.deepEqual(titles, ["filler.js", "a.js", "b.js"]);
});

Deno.test("a statement whose lines leave something open is parsed", () => {
  for (
    const text of [
      "var a = 1, b = 2;",
      "var a = {\n  c: 1\n}, b = 2;",
      "var a = `\nvar no = 1;\n`;",
      "/* \nvar no = 1;\n*/ var a;",
      "var { a, b } = c;",
      "var a = [1, 2], b = 2;",
      'var a = /"/, b = /"/;',
      "var a = '\"', b = '\"';",
      "for (var a of b) {\n}",
      "__export(a, {\n});",
      "if (a) {\n  var b = 1;\n}",
    ]
  ) {
    const { plain, parsed } = read(`// a.js\n${text}\n`);
    assert.ok(!Object.hasOwn(plain, "a.js"), text);
    assert.ok(parsed.length > 0, text);
  }
});

Deno.test("a statement ends where a template or comment in it does", () => {
  const open = [
    "var a = `\nvar no = 1;\n`;",
    "f(`\n}\n`, `\nvar no = 1;\n`);",
    "f(1, /* \nvar no = 1;\n*/ 2);",
    'var c = "`";\nvar swallowed = "`";',
  ];
  for (const text of open) {
    const { plain, parsed } = read(`// a.js\nvar before = 1;\n${text}\nvar after = 1;\n`);
    assert.deepEqual(plain["a.js"], ["before", "after"], text);
    assert.equal(parsed.join("\n"), text);
  }
});

Deno.test("what looks like a title within a text begins no module", () => {
  const { parsed, plain } = read("// a.js\nvar a = `\n// b.js\nvar b = 1;\n`;\n");
  assert.equal(parsed.length, 2);
  assert.deepEqual(plain, {});
  assert.throws(() => read("// a.js\nvar a = ;\n// b.js\n`"), SyntaxError);
});

Deno.test("the name of a module opens no template and no comment", () => {
  for (const name of ["https://esm.sh/*a.js", "it`s.js"]) {
    const { parsed, plain } = read(`// ${name}\nimport "node:fs";\nvar a = 1;\n`);
    assert.deepEqual(parsed, [`import "node:fs";`], name);
    assert.deepEqual(plain[name], ["a"]);
  }
});

Deno.test("an annotation of a function begins no module", () => {
  const { plain } = read(
    "// a.js\nvar a = 1;\n// @__NO_SIDE_EFFECTS__\nfunction b() {\n}\nvar c = 1;\n",
  );
  assert.deepEqual(plain["a.js"], ["a", "b", "c"]);
});

Deno.test("a file may export what another piece of it declares", () => {
  const { parsed } = read(
    "// a.js\nvar a = 1;\n// b.js\nvar b = [];\nexport {\n  a\n};\n",
    "export",
  );
  assert.deepEqual(parsed, ["export {\n  a\n};"]);
});
