/**
 * Modules of every kind as parts: what they are on a worker, and that they are the same on all machines.
 */
import assert from "node:assert/strict";
import { ModuleBundler } from "../../../client/modules/module_bundler.ts";
import { codeOf, evaluateScript, sourcesOf } from "./evaluate_script.ts";
import { withFolder } from "./folder.ts";

const modules = new ModuleBundler();
const dusk = new URL("../../../mod.ts", import.meta.url).href;

Deno.test("a local TypeScript module comes with all that it imports", async () => {
  await withFolder({
    "lib.ts": `import { twice } from "./sub/twice.ts";
      import table from "./table.json" with { type: "json" };
      export interface Row { a: number }
      export enum Color { Red = 5, Green }
      export const rows: Row[] = [table];
      export let count = 0;
      export const next = (): number => count = twice(count + 1);
      export default class Named { #x = rows[0].a; get x() { return this.#x; } }`,
    "sub/twice.ts": `export const twice = (x: number): number => 2 * x;`,
    "table.json": `{ "a": 42 }`,
  }, async (_, url) => {
    const found = modules.resolve("./lib.ts", url("main.ts"));
    assert.match(found.module, /^m[0-9a-f]{32}$/);
    assert.equal(codeOf(found.part).url, "lib.ts");
    const used = await evaluateScript(found, (lib) => {
      lib.next();
      lib.next();
      return { rows: lib.rows, x: new lib.default().x, count: lib.count, green: lib.Color.Green };
    });
    assert.deepEqual(used, { rows: [{ a: 42 }], x: 42, count: 6, green: 6 });
  });
});

Deno.test("a module that was bundled is not bundled again, from wherever it is imported", async () => {
  await withFolder({
    "deno.json": `{}`,
    "lib.ts": "export const a = 1;",
  }, async (path, url) => {
    const first = modules.resolve("./lib.ts", url("main.ts"));
    await Deno.writeTextFile(`${path}/lib.ts`, "export const a = 2;");
    assert.equal(modules.resolve("./lib.ts", url("main.ts")), first);
    assert.equal(modules.resolve("../lib.ts", url("sub/other.ts")), first);
  });
});

Deno.test("packages of npm come whole, ECMAScript modules and CommonJS", async () => {
  const nanoid = modules.resolve("npm:nanoid@5.0.9", import.meta.url);
  const ids = await evaluateScript(nanoid, ({ nanoid }) => [nanoid().length, nanoid(5).length]);
  assert.deepEqual(ids, [21, 5]);
  const lodash = modules.resolve("npm:lodash@4.17.21", import.meta.url);
  const chunks = await evaluateScript(lodash, (_) => [
    _.chunk([1, 2, 3], 2),
    _.default.sum([1, 2]),
  ]);
  assert.deepEqual(chunks, [[[1, 2], [3]], 3]);
});

Deno.test("modules of Deno's own are loaded there, however they are imported", async () => {
  assert.deepEqual(modules.resolve("node:crypto", import.meta.url), { module: "node:crypto" });
  assert.deepEqual(modules.resolve("path", import.meta.url), { module: "node:path" });
  assert.throws(() => modules.resolve("node:nothing", import.meta.url), /no built-in module/);
  await withFolder({
    "lib.ts": `import path, { join as j } from "node:path";
      import * as assert from "node:assert";
      import * as os from "node:os";
      export { basename } from "node:path";
      export * from "node:url";
      export const all = [j("a", "b"), path.join("c", "d"), typeof assert.ok, typeof assert.default,
        os.EOL, os.default.EOL];
      export const late = async () => typeof (await import("node:zlib")).gzipSync;`,
  }, async (_, url) => {
    const found = modules.resolve("./lib.ts", url("main.ts"));
    const used = await evaluateScript(found, async (lib) => [
      ...lib.all,
      lib.basename("a/b"),
      typeof lib.fileURLToPath,
      await lib.late(),
    ]);
    const expected = [
      "a/b",
      "c/d",
      "function",
      "function",
      "\n",
      "\n",
      "b",
      "function",
      "function",
    ];
    assert.deepEqual(used, expected);
  });
});

Deno.test("CommonJS of one's own requires files, JSON and built-ins", async () => {
  await withFolder({
    "lib.cjs": `const { sep } = require("path"); exports.all = [sep, require("./a.json").a,
      require("./other.cjs"), typeof __dirname, this === exports];
      exports.late = (name) => require(name);`,
    "a.json": `{ "a": 1 }`,
    "other.cjs": `module.exports = "other";`,
  }, async (_, url) => {
    const found = modules.resolve("./lib.cjs", url("main.ts"));
    const used = await evaluateScript(found, (lib) => [
      ...lib.all,
      typeof lib.late("os").cpus,
      lib.default.all.length,
    ]);
    assert.deepEqual(used, ["/", 1, "other", "undefined", true, "function", 5]);
  });
});

Deno.test("circular imports work, and so does import() of what is bundled", async () => {
  await withFolder({
    "a.ts": `import { b } from "./b.ts";
      export const a = () => "a" + b();
      export const late = async () => (await import("./late.ts")).default;`,
    "b.ts": `import { a } from "./a.ts";
      export const b = () => typeof a;`,
    "late.ts": `export default "late";`,
  }, async (_, url) => {
    const found = modules.resolve("./a.ts", url("main.ts"));
    const used = await evaluateScript(found, async (lib) => [lib.a(), await lib.late()]);
    assert.deepEqual(used, ["afunction", "late"]);
  });
});

Deno.test("a module that awaits at its top level says so", async () => {
  await withFolder({
    "lib.ts": `export const x = await Promise.resolve(3);`,
    "not.ts": `export const f = async () => { await 1; for await (const _ of []); };`,
  }, async (_, url) => {
    const found = modules.resolve("./lib.ts", url("main.ts"));
    assert.equal(codeOf(found.part).isAsync, true);
    assert.equal(await evaluateScript(found, (lib) => lib.x), 3);
    assert.equal(codeOf(modules.resolve("./not.ts", url("main.ts")).part).isAsync, false);
  });
});

Deno.test("the nearest deno.json says what bare names are", async () => {
  await withFolder({
    "deno.json": `{ "imports": { "helper": "./sub/a.ts", "nano": "npm:nanoid@5.0.9",
      "dusk": "${dusk}" } }`,
    "sub/a.ts": `export { version } from "dusk"; export const name = "a";`,
    "other/deno.jsonc": `{ // its own
      "imports": { "helper": "./b.ts", }, }`,
    "other/b.ts": `export const name = "b";`,
  }, async (_, url) => {
    const here = modules.resolve("helper", url("sub/main.ts"));
    assert.deepEqual(await evaluateScript(here, (lib) => [lib.name, lib.version]), [
      "a",
      "the thread's",
    ]);
    const there = modules.resolve("helper", url("other/main.ts"));
    assert.equal(await evaluateScript(there, (lib) => lib.name), "b");
    assert.deepEqual(modules.resolve("dusk", url("sub/main.ts")), { module: "dusk:" });
    const byMap = modules.resolve("nano", url("sub/main.ts"));
    assert.equal(byMap.module, modules.resolve("npm:nanoid@5.0.9", import.meta.url).module);
  });
});

Deno.test("the user's lock file decides on versions, and stays as it is", async () => {
  const lock = `{
  "version": "5",
  "specifiers": { "npm:nanoid@5": "5.0.6" },
  "npm": {
    "nanoid@5.0.6": {
      "integrity": "sha512-rRq0eMHoGZxlvaFOUdK1Ev83Bd1IgzzR+WJ3IbDJ7QOSdAxYjlurSPqFs9s4lJg29RT6nPwizFtJhQS6V5xgiA==",
      "bin": true
    }
  }
}
`;
  await withFolder({
    "deno.json": `{ "imports": { "nano": "npm:nanoid@5" } }`,
    "deno.lock": lock,
    "lib.ts": `export { nanoid } from "nano"; export { default } from "npm:lodash@4.17.21";`,
  }, async (path, url) => {
    const found = modules.resolve("./lib.ts", url("main.ts"));
    const sources = sourcesOf(found);
    assert.ok(sources.includes("npm:nanoid@5.0.6/index.js"), sources.join());
    assert.equal(await Deno.readTextFile(`${path}/deno.lock`), lock);
  });
});

Deno.test("Dusk itself is the runtime of the thread, wherever it is imported", async () => {
  assert.deepEqual(modules.resolve("../../../mod.ts", import.meta.url), { module: "dusk:" });
  await withFolder({
    "lib.ts": `import { version } from "${dusk}";
      import { type Client } from "${dusk}";
      import * as dusk from "${dusk}";
      export const seen = [version, dusk.version];
      export const type = (client: Client) => client;
      export const late = async () => (await import("${dusk}")).version;`,
    "wrong.ts": `import { Client } from "${dusk}";
      export const connect = () => Client.connect();`,
  }, async (_, url) => {
    const found = modules.resolve("./lib.ts", url("main.ts"));
    assert.ok(codeOf(found.part).source.length < 2000);
    const used = await evaluateScript(found, async (lib) => [...lib.seen, await lib.late()]);
    assert.deepEqual(used, ["the thread's", "the thread's", "the thread's"]);
    assert.throws(() => modules.resolve("./wrong.ts", url("main.ts")), {
      name: "FunctionError",
      message:
        /imports "Client" of Dusk, which is not there in a task \(what is there: .*getWorker/,
    });
  });
});

Deno.test("Dusk of the net is known by each of its names", async () => {
  const files: Record<string, string> = {
    "/dusk/mod.ts": `export const version: string = "of the net"; export * from "./more.ts";`,
    "/dusk/more.ts": `export const more: number = 1;`,
    "/lib.ts": `import { version } from "./dusk/mod.ts"; export const seen = version;`,
  };
  await using server = Deno.serve(
    { port: 0, hostname: "localhost", onListen: () => {} },
    (request) =>
      new Response(files[new URL(request.url).pathname], {
        headers: { "content-type": "application/typescript" },
      }),
  );
  const base = `http://localhost:${(server.addr as Deno.NetAddr).port}`;
  const remote = new ModuleBundler({ dusk: `${base}/dusk/mod.ts` });
  await withFolder({
    "deno.json": `{ "imports": { "dusk": "${base}/dusk/mod.ts" } }`,
    "lib.ts":
      `import { version } from "dusk"; export { version as again } from "${base}/dusk/mod.ts";
      export { seen } from "${base}/lib.ts"; export { version };`,
  }, async (path, url) => {
    // The server is in this process, which blocks while it bundles: so fetch beforehand.
    const cache = new Deno.Command(Deno.execPath(), {
      args: ["cache", "-q", "--allow-import", "lib.ts"],
      cwd: path,
    });
    assert.equal((await cache.output()).code, 0);
    assert.deepEqual(remote.resolve("dusk", url("main.ts")), { module: "dusk:" });
    const found = remote.resolve("./lib.ts", url("main.ts"));
    assert.deepEqual(
      await evaluateScript(found, (lib) => [lib.version, lib.again, lib.seen]),
      ["the thread's", "the thread's", "the thread's"],
    );
  });
});

Deno.test("the same modules have the same hash in any folder of any machine", async () => {
  const files = {
    "index.ts": `import { late } from "./lib/a.ts";
      import cjs from "./lib/index.cjs";
      import * as all from "./lib/index.ts";
      export * as self from "./index.ts";
      export { nanoid } from "nano";
      export { default as lodash } from "npm:lodash@4.17.21";
      export const f = () => [late, cjs, all];
      export default f;`,
    "lib/a.ts": `export const late = () => import("./late.ts");`,
    "lib/late.ts": `export const late = 1;`,
    "lib/index.cjs": `exports.a = () => require("./b.cjs");`,
    "lib/b.cjs": `exports.b = 2;`,
    "lib/index.ts": `export default class {}`,
  };
  const inFolder = async (folder: string, config: string): Promise<string> => {
    let name = "";
    const all = { [`${config}deno.json`]: `{ "imports": { "nano": "npm:nanoid@5.0.9" } }` };
    for (const [file, text] of Object.entries(files)) all[folder + file] = text;
    await withFolder(all, (path, url) => {
      const fresh = new ModuleBundler();
      const found = fresh.resolve("./index.ts", url(`${folder}main.ts`));
      name = found.module;
      const code = JSON.stringify([...found.parts!.values()].map(codeOf));
      assert.ok(!code.includes(path), "the path is in the source");
      assert.doesNotMatch(code, /registry\.npmjs\.org|dusk-test|deeper|elsewhere/);
      const sources = sourcesOf(found);
      assert.ok(sources.includes(url(`${folder}lib/late.ts`)), sources.join());
      assert.ok(sources.includes("npm:lodash@4.17.21/lodash.js"));
    });
    return name;
  };
  const name = await inFolder("", "");
  assert.equal(await inFolder("1 some/deeper.folder/", "1 some/deeper.folder/"), name);
  // Names that the bundler makes of paths are of paths from the configuration on.
  assert.equal(await inFolder("1 some/deeper.folder/", ""), name);
  assert.equal(await inFolder("elsewhere/", ""), name);
});

Deno.test("sources are called by their packages", () => {
  const found = modules.resolve("npm:apache-arrow@21.1.0", import.meta.url);
  const sources = sourcesOf(found);
  assert.ok(sources.some((source) => source.startsWith("npm:apache-arrow@21.1.0/")));
});

Deno.test("each package has its own version of what it imports", async () => {
  const packageOf = (name: string, version: string) => ({
    [`npm/registry.npmjs.org/${name}/1.0.0/package.json`]:
      `{ "dependencies": { "nanoid": "${version}" } }`,
  });
  await withFolder({ ...packageOf("one", "5.0.9"), ...packageOf("two", "5.0.6") }, (_, url) => {
    const versionsOf = (name: string) => {
      const found = modules.resolve(
        "nanoid",
        url(`npm/registry.npmjs.org/${name}/1.0.0/index.js`),
      );
      return sourcesOf(found);
    };
    assert.ok(versionsOf("one").includes("npm:nanoid@5.0.9/index.js"));
    assert.ok(versionsOf("two").includes("npm:nanoid@5.0.6/index.js"));
  });
});

Deno.test("an import map may give the name of a built-in to another module", async () => {
  await withFolder({
    "deno.json": `{ "imports": { "path": "./own.ts" } }`,
    "own.ts": `export const own = true;`,
  }, async (_, url) => {
    const found = modules.resolve("path", url("main.ts"));
    assert.equal(await evaluateScript(found, (lib) => lib.own), true);
    assert.deepEqual(modules.resolve("fs", url("main.ts")), { module: "node:fs" });
  });
});

Deno.test("a project may lie in a folder of any name", async () => {
  await withFolder({
    "50% a#b?c d/deno.json": `{ "lock": "my #lock.json", "imports": { "nano": "npm:nanoid@5" } }`,
    "50% a#b?c d/my #lock.json": `{ "version": "5", "specifiers": { "npm:nanoid@5": "5.0.6" },
      "npm": { "nanoid@5.0.6": { "integrity":
        "sha512-rRq0eMHoGZxlvaFOUdK1Ev83Bd1IgzzR+WJ3IbDJ7QOSdAxYjlurSPqFs9s4lJg29RT6nPwizFtJhQS6V5xgiA==",
        "bin": true } } }`,
    "50% a#b?c d/lib.ts": `export { nanoid } from "nano"; export const a: number = 1;`,
  }, async (_, url) => {
    const found = modules.resolve("./lib.ts", url("50% a#b?c d/main.ts"));
    assert.equal(await evaluateScript(found, (lib) => lib.a), 1);
    const sources = sourcesOf(found);
    assert.ok(sources.includes(url("50% a#b?c d/lib.ts")), sources.join());
    assert.ok(sources.includes("npm:nanoid@5.0.6/index.js"), sources.join());
  });
});
