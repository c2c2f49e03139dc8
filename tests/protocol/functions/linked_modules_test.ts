/** Modules that code imports, in its text and at run time. */
import assert from "node:assert/strict";
import { ImportReference } from "../../../protocol/functions/definition.ts";
import { HandParts } from "./hand_parts.ts";

declare const get: () => unknown;
declare const ns: Record<string, unknown>;
// What `import` is called in texts that travel.
declare const ìmport: (specifier: string, options?: unknown) => Promise<Record<string, unknown>>;

/** A function that gives a binding of a module. */
function importing(parts: HandParts, module: string, name: string): () => unknown {
  const variables = { ns: new ImportReference(module, name) };
  return parts.function(parts.code.inline(() => ns, { variables }));
}

Deno.test("modules: one is evaluated once, for all that import it", () => {
  const parts = new HandParts();
  const lib = parts.module("let n = 0; return {next: () => ++n, default: 5};");
  const variables = { get: new ImportReference(lib, "next") };
  const first = parts.function(parts.code.inline(() => get(), { variables }));
  const second = parts.function(parts.code.inline(() => [get()], { variables }));
  assert.equal(first(), 1);
  assert.deepEqual(second(), [2]);
  assert.equal(importing(parts, lib, "default")(), 5);
  assert.deepEqual(Object.keys(importing(parts, lib, "*")() as object), ["next", "default"]);
});

Deno.test("modules: those that modules import are there once, when the first one needs them", async () => {
  const parts = new HandParts();
  const shared = parts.module("let n = 0; return {get n() { return n; }, add: () => ++n};");
  const slow = parts.module(`await 0; return {shared: $link("${shared}")};`, { isAsync: true });
  const one = parts.module(`const m = $link("${shared}"); return {add: () => m.add()};`);
  const two = parts.module(
    `const s = await $link("${slow}"); return {n: () => s.shared.n};`,
    { isAsync: true },
  );
  const add = importing(parts, one, "add")() as () => number;
  assert.equal(add(), 1);
  assert.throws(() => importing(parts, two, "n"), /awaits something/);
  await parts.linker.takeAwaited();
  assert.equal((importing(parts, two, "n")() as () => number)(), 1);
  add();
  assert.equal(importing(parts, shared, "n")(), 2);
});

Deno.test("modules: those of a group import each other by number, and are forgotten with it", async () => {
  const parts = new HandParts();
  const scope = globalThis as unknown as { duskRuns?: number };
  const first = parts.module(
    `globalThis.duskRuns = (globalThis.duskRuns ?? 0) + 1;
     const self = {late: async () => (await $link("#1")).other}; return self;`,
  );
  const second = parts.module(`const other = $link("#0"); return {other};`);
  const group = parts.learn("m", { url: "a.ts", members: [first, second] });
  const [a, b] = [0, 1].map((member) => parts.learn("m", { url: "a.ts", group, member }));
  try {
    const late = importing(parts, a, "late")() as () => Promise<unknown>;
    assert.equal(await late(), importing(parts, a, "*")());
    assert.equal(importing(parts, b, "other")(), importing(parts, a, "*")());
    assert.equal(scope.duskRuns, 1);
    for (const name of [a, b, group]) parts.linker.forget(name);
    const again = parts.learn("m", { url: "a.ts", members: [first, second] });
    assert.equal(again, group);
    parts.linker.import(parts.learn("m", { url: "a.ts", group, member: 0 }), "late");
    assert.equal(scope.duskRuns, 2);
  } finally {
    delete scope.duskRuns;
  }
  const none = parts.learn("m", { url: "a.ts", group, member: 7 });
  assert.throws(() => importing(parts, none, "x"), /The group a\.ts has no module 7/);
  const lost = parts.module(`return $link("#0");`);
  assert.throws(() => importing(parts, lost, "x"), /imports '#0', which is no part/);
});

Deno.test("modules: what a module does not export is said with its URL", () => {
  const parts = new HandParts();
  const lib = parts.module("return {};", { url: "npm:left-pad@1.0.0" });
  assert.throws(() => importing(parts, lib, "pad"), {
    name: "LinkError",
    message: "The module npm:left-pad@1.0.0 has no export named 'pad'",
  });
  assert.throws(() => importing(parts, "dusk:", "Client"), /Dusk has no export named 'Client'/);
});

Deno.test("modules: one that awaits is waited for, and then it is there", async () => {
  const parts = new HandParts();
  const body = `await new Promise((wake) => setTimeout(wake)); return {x: 1};`;
  const lib = parts.module(body, { isAsync: true });
  assert.throws(() => importing(parts, lib, "x"), /awaits something/);
  await parts.linker.takeAwaited();
  assert.equal(importing(parts, lib, "x")(), 1);
  assert.equal(parts.linker.takeAwaited(), undefined);
});

Deno.test("modules: one that throws is tried anew by whoever imports it next", async () => {
  const parts = new HandParts();
  const scope = globalThis as unknown as { duskTries?: number };
  const body = `if ((globalThis.duskTries = (globalThis.duskTries ?? 0) + 1) < 3) ` +
    `throw new RangeError("not yet"); return {x: 1};`;
  try {
    const lib = parts.module(body);
    assert.throws(() => importing(parts, lib, "x"), RangeError);
    assert.throws(() => importing(parts, lib, "x"), RangeError);
    assert.equal(importing(parts, lib, "x")(), 1);
    scope.duskTries = 1;
    const later = parts.module("await 0;" + body, { isAsync: true });
    assert.throws(() => importing(parts, later, "x"), /awaits something/);
    await assert.rejects(parts.linker.takeAwaited()!, RangeError);
    assert.throws(() => importing(parts, later, "x"), /awaits something/);
    await parts.linker.takeAwaited();
    assert.equal(importing(parts, later, "x")(), 1);
  } finally {
    delete scope.duskTries;
  }
});

Deno.test("modules: bundles require built-ins, and Dusk as tasks have it", () => {
  const parts = new HandParts({ runtime: { version: "1.2.3" } });
  const lib = parts.module(
    `const {join} = $builtin("node:path"); const events = $builtin("events");
     return {path: join("a", "b"), emitter: new events(), version: $builtin("dusk:").version};`,
  );
  const exported = importing(parts, lib, "*")() as Record<string, unknown>;
  assert.equal(exported.path, "a/b");
  assert.equal(typeof (exported.emitter as { on: unknown }).on, "function");
  assert.equal(exported.version, "1.2.3");
  assert.equal(importing(parts, "dusk:", "version")(), "1.2.3");
  const broken = parts.module(`return {x: $builtin("node:no-such-thing")};`);
  assert.throws(() => importing(parts, broken, "x"), /no built-in module 'node:no-such-thing'/);
});

Deno.test("modules: a built-in has named exports, a default, and is a namespace", () => {
  const parts = new HandParts();
  const path = importing(parts, "node:path", "*")() as Record<string, unknown>;
  assert.equal(path.default, importing(parts, "node:path", "default")());
  assert.equal(path.join, importing(parts, "node:path", "join")());
  assert.throws(
    () => importing(parts, "node:path", "jion"),
    /node:path has no export named 'jion'/,
  );
});

Deno.test("modules: import.meta of one that was sent has no files beside it", () => {
  const parts = new HandParts();
  const lib = parts.module("return {main: $meta.main, url: () => $meta.url};", {
    url: "npm:reader@1.0.0",
  });
  assert.equal(importing(parts, lib, "main")(), false);
  assert.throws(importing(parts, lib, "url")() as () => unknown, {
    name: "TypeError",
    message: /import\.meta\.url means nothing in a task: npm:reader@1\.0\.0 was sent as text/,
  });
});

Deno.test("modules: code that makes no sense is refused", () => {
  const parts = new HandParts();
  const { linker } = parts;
  for (
    const [value, says] of [
      [5, /must decode to \{ url, source, isAsync \}/],
      [{ url: "x", source: 5, isAsync: false }, /must decode/],
      [{ url: "file:///x", source: "5", isAsync: false }, /file:\/\/\/x is not a function/],
      [{ url: "file:///x", source: "() => 5", isAsync: false }, /file:\/\/\/x gives no exports/],
    ] as const
  ) {
    const part = parts.learn("m", value);
    assert.throws(() => linker.import(part, "x"), { name: "LinkError", message: says });
  }
});

Deno.test("import(): literal specifiers, uploaded names, and whatever the runtime finds", async () => {
  const parts = new HandParts();
  const { linker, code } = parts;
  const lib = parts.module("await 0; return {x: 'lib'};", { isAsync: true });
  const table = parts.module("return {x: 'table'};");
  linker.setUploads(new Map([["table", table], ["table.ts", table], ["folder/a.ts", lib]]));
  const load = parts.function(
    code.inline((name: string) => ìmport(name), {
      definition: { imports: { "./lib.ts": lib, "npm:left-pad": lib, "crypto": "node:crypto" } },
    }),
  );
  const x = async (name: string) => (await load(name)).x;
  assert.equal(await x("./lib.ts"), "lib");
  assert.equal(await x("npm:left-pad"), "lib");
  assert.equal(typeof (await load("crypto")).createHash, "function");
  for (const name of ["table", "table.ts", "./table.ts"]) assert.equal(await x(name), "table");
  assert.equal(await x("folder/a.ts"), "lib");
  assert.equal(await x("data:text/javascript,export const x = 'data'"), "data");
  assert.equal(typeof (await load("node:os")).cpus, "function");
  assert.equal(await load("table"), await load("table.ts"));
});

Deno.test("import(): a new version of an uploaded module takes the place of the old one", async () => {
  const parts = new HandParts();
  const load = parts.function(parts.code.inline(async () => (await ìmport("table")).x));
  for (const x of [1, 2]) {
    parts.linker.setUploads(new Map([["table", parts.module(`return {x: ${x}};`)]]));
    assert.equal(await load(), x);
  }
  parts.linker.setUploads(new Map());
  await assert.rejects(load(), TypeError);
});

Deno.test("import(): says what to do about files and modules that a worker cannot get", async () => {
  const parts = new HandParts();
  const load = parts.function(
    parts.code.inline((name: string, options?: unknown) => ìmport(name, options)),
  );
  await assert.rejects(load("./helpers.ts"), {
    name: "TypeError",
    message: /Cannot import '\.\/helpers\.ts' in a task: .* client\.uploadFile/,
  });
  await assert.rejects(load("http://localhost:1/x.ts"), {
    name: "TypeError",
    message: /with a literal specifier, the module is sent along/,
  });
  await assert.rejects(load({ toString: () => "../x.ts" }), /Cannot import '\.\.\/x\.ts'/);
  const json = "data:application/json,{}";
  assert.deepEqual((await load(json, { with: { type: "json" } })).default, {});
});
