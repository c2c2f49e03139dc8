/** Settings: their sources, names and errors. */
import assert from "node:assert/strict";
import { ConfigError, loadSettings, settingsFrom } from "../../config/settings.ts";
import { DEFINITIONS } from "../../config/schema.ts";
import { ConfigFolder, load, loadText } from "./config_folder.ts";

function refuses(work: Promise<unknown>, message: RegExp | string): Promise<void> {
  return assert.rejects(work, (error: unknown) => {
    assert(error instanceof ConfigError, String(error));
    assert(!error.message.includes("\n"), error.message);
    if (typeof message === "string") assert.equal(error.message, message);
    else assert.match(error.message, message);
    return true;
  });
}

const synopsis = `logging:
  distributed: info
  distributed.client: warning
  bokeh: critical
bandwidth: 200000000
allowed-failures: 4
pdb-on-err: False
transition-log-length: 1000
multiprocessing-method: forkserver
compression: lz4
tcp-timeout: 60
default-scheme: tls
require-encryption: True
tls:
  ca-file: myca.pem
  ciphers: ECDHE-ECDSA-AES128-GCM-SHA256
  scheduler:
    cert: mycert.pem
    key: mykey.pem
  worker:
    cert: mycert.pem
    key: mykey.pem
  client:
    cert: mycert.pem
    key: mykey.pem
bokeh-export-tool: False
`;

// Dask's names ---------------------------------------------------------------------------------

Deno.test("all that Dask's file has is understood under Dask's names", async () => {
  using folder = new ConfigFolder();
  const settings = await load({ files: [folder.write("config.yaml", synopsis)] });
  assert.equal(settings["scheduler.bandwidth"], 200e6);
  assert.equal(settings["scheduler.allowed-failures"], 4);
  assert.equal(settings["scheduler.transition-log-length"], 1000);
  assert.equal(settings["comm.compression"], "lz4");
  assert.equal(settings["comm.tcp-timeout"], 60);
  assert.equal(settings["comm.default-scheme"], "tls");
  assert.equal(settings["comm.require-encryption"], true);
  assert.equal(settings["tls.ciphers"], "ECDHE-ECDSA-AES128-GCM-SHA256");
  for (const role of ["scheduler", "worker", "client"] as const) {
    assert.equal(settings[`tls.${role}.cert`], `${folder.path}/mycert.pem`);
    assert.equal(settings[`tls.${role}.key`], `${folder.path}/mykey.pem`);
  }
  assert.deepEqual(settings.logging, {
    distributed: "info",
    "distributed.client": "warning",
    bokeh: "critical",
  });
});

Deno.test("what means nothing under Deno is told, once for each place", async () => {
  const { warnings } = await loadText(synopsis);
  assert.equal(warnings.length, 3);
  assert.match(warnings[0], /a\.yaml:7:13: pdb-on-err has no effect: Deno has no pdb: /);
  assert.match(warnings[1], /multiprocessing-method has no effect: workers are processes/);
  assert.match(warnings[2], /bokeh-export-tool has no effect/);
});

Deno.test("Dask's name and Dusk's for the same setting in one file are refused", () =>
  refuses(
    loadText("allowed-failures: 1\nscheduler:\n  allowed-failures: 2\n"),
    "FILE:3:21: allowed-failures and scheduler.allowed-failures are two names of the same setting, " +
      "first at FILE:1:19; keep one",
  ));

Deno.test("a name may be written with dots, but not once so and once otherwise", async () => {
  const settings = await loadText("scheduler.port: 1\nworker: { memory.limit: 4GB }\n");
  assert.equal(settings["scheduler.port"], 1);
  assert.equal(settings["worker.memory.limit"], 4e9);
  await refuses(
    loadText("scheduler.port: 1\nscheduler: { port: 2 }\n"),
    "FILE:2:20: scheduler.port is given twice, first at FILE:1:17; keep one",
  );
});

// sources --------------------------------------------------------------------------------------

Deno.test("with no source at all, everything is at its default", async () => {
  const settings = await load();
  for (const [name, definition] of DEFINITIONS) {
    const key = name as keyof typeof settings & "scheduler.port";
    assert.deepEqual(settings[key], definition.default, name);
    assert.equal(settings.origin(key), "default");
    assert.equal(settings.rank(key), 0);
  }
  assert.deepEqual(settings.warnings, []);
});

Deno.test("each source stands over those below, and the origin tells which it was", async () => {
  using folder = new ConfigFolder();
  const { path } = folder;
  const file = (name: string, from: number) => {
    const names = ["port", "connection-limit", "allowed-failures", "event-log-length"];
    const more = ["transition-log-length", "worker-ttl", "default-task-duration"];
    const lines = [...names, ...more].slice(from).map((key, i) =>
      `  ${key}: ${10 * (from + 1) + i}\n`
    );
    return folder.write(name, `scheduler:\n${lines.join("")}`);
  };
  file("etc/b.yaml", 0);
  file("etc/c.yaml", 1);
  file("home/a.yaml", 2);
  const variable = file("variable.yaml", 3);
  const flag = file("flag.yaml", 5);
  const settings = await load({
    folders: [`${path}/etc`, `${path}/home`, `${path}/missing`],
    env: { DUSK_CONFIG: variable, DUSK__SCHEDULER__TRANSITION_LOG_LENGTH: "55" },
    files: [flag],
    flags: [{ name: "scheduler.default-task-duration", flag: "--guess", value: "2s" }],
  });
  const found = (["port", "connection-limit", "allowed-failures", "event-log-length"] as const).map(
    (name) => [settings[`scheduler.${name}`], settings.origin(`scheduler.${name}`)],
  );
  assert.deepEqual(found, [
    [10, `${path}/etc/b.yaml:2`],
    [20, `${path}/etc/c.yaml:2`],
    [30, `${path}/home/a.yaml:2`],
    [40, `${variable}:2`],
  ]);
  assert.equal(settings["scheduler.transition-log-length"], 55);
  assert.equal(
    settings.origin("scheduler.transition-log-length"),
    "environment DUSK__SCHEDULER__TRANSITION_LOG_LENGTH",
  );
  assert.equal(settings["scheduler.worker-ttl"], 60);
  assert.equal(settings.origin("scheduler.worker-ttl"), `${flag}:2`);
  assert.equal(settings["scheduler.default-task-duration"], 2);
  assert.equal(settings.origin("scheduler.default-task-duration"), "--guess");
  const ranks = (["port", "connection-limit", "default-task-duration"] as const).map((name) =>
    settings.rank(`scheduler.${name}`)
  );
  assert(ranks[0] < ranks[1] && ranks[1] < ranks[2], String(ranks));
});

Deno.test("a folder's files count by their names; hidden ones and others do not", async () => {
  using folder = new ConfigFolder();
  folder.write("10.yaml", "scheduler: { port: 10 }");
  folder.write("9.yml", "scheduler: { port: 9 }");
  folder.write(".z.yaml", "scheduler: { port: 1 }");
  folder.write("z.yaml~", "nonsense");
  const { path } = folder;
  const settings = await load({ env: { DUSK_CONFIG: path } });
  assert.equal(settings.origin("scheduler.port"), `${path}/9.yml:1`);
});

Deno.test("the user's folder is that of XDG_CONFIG_HOME, else of the home", async () => {
  using folder = new ConfigFolder();
  const { path } = folder;
  folder.write(".config/dusk/a.yaml", "scheduler: { port: 1 }");
  folder.write("xdg/dusk/a.yaml", "scheduler: { port: 2 }");
  const home = await loadSettings({ env: { HOME: path } });
  assert.equal(home["scheduler.port"], 1);
  const xdg = await loadSettings({ env: { HOME: path, XDG_CONFIG_HOME: `${path}/xdg` } });
  assert.equal(xdg["scheduler.port"], 2);
});

Deno.test("relative paths count from their file, and ~/ is the home", async () => {
  using folder = new ConfigFolder();
  const text = `log-file: ~/dusk.log
scheduler-file: ../run/s.json
tls: { ca-file: /etc/ca.pem }
scheduler: { preload: [a.js, "https://example.com/b.js", ./c.js] }
`;
  const file = folder.write("sub/a.yaml", text);
  const settings = await load({ files: [file], env: { HOME: "/home/alice" } });
  assert.equal(settings["log-file"], "/home/alice/dusk.log");
  assert.equal(settings["scheduler-file"], `${folder.path}/run/s.json`);
  assert.equal(settings["tls.ca-file"], "/etc/ca.pem");
  assert.deepEqual(settings["scheduler.preload"], [
    `${folder.path}/sub/a.js`,
    "https://example.com/b.js",
    `${folder.path}/sub/c.js`,
  ]);
  const flags = [{ name: "log-file", flag: "--log-file", value: "here.log" }] as const;
  assert.equal((await load({ flags }))["log-file"], "here.log");
});

Deno.test("loggers' levels of all sources come together; a single word is for all of them", async () => {
  using folder = new ConfigFolder();
  const low = folder.write("low.yaml", "logging: { distributed.worker: debug, a: error }");
  const high = folder.write("high.yaml", "logging:\n  distributed: warning\n  a: info\n");
  const env = { DUSK__LOGGING__DISTRIBUTED__COMM: "critical" };
  const settings = await load({ env: { ...env, DUSK_CONFIG: low }, files: [high] });
  assert.deepEqual(settings.logging, {
    distributed: "warning",
    "distributed.worker": "debug",
    "distributed.comm": "critical",
    a: "info",
  });
  assert.equal(settings.origin("logging", "distributed"), `${high}:2`);
  assert.equal(settings.origin("logging", "a"), `${high}:3`);
  assert.equal(settings.origin("logging", "distributed.worker"), `${low}:1`);
  const flags = [{ name: "logging", flag: "--log-level", value: "debug" }] as const;
  const all = await load({ env: { ...env, DUSK_CONFIG: low }, files: [high], flags });
  assert.deepEqual(all.logging, { distributed: "debug" });
  assert.equal(all.origin("logging", "distributed"), "--log-level");
});

Deno.test("an open setting can be opened again, others cannot be null", async () => {
  using folder = new ConfigFolder();
  const low = folder.write("low.yaml", "worker: { name: alice }");
  const high = folder.write("high.yaml", "worker: { name: null }\nclient:\n");
  const settings = await load({ files: [low, high] });
  assert.equal(settings["worker.name"], undefined);
  assert.equal(settings.origin("worker.name"), `${high}:1`);
  await refuses(
    loadText("scheduler: { port: }"),
    /scheduler\.port must be a whole number .*got null/,
  );
});

Deno.test("settings are frozen, and can be handed to another process", async () => {
  const env = {
    DUSK__WORKER__RESOURCES: "GPU=2,MEMORY=100e9",
    DUSK__WORKER__PRELOAD: "a.js, b.js",
  };
  const settings = await load({ env });
  assert.deepEqual(settings["worker.resources"], { GPU: 2, MEMORY: 100e9 });
  assert.deepEqual(settings["worker.preload"], ["a.js", "b.js"]);
  assert.throws(() => Object.assign(settings, { "scheduler.port": 1 }), TypeError);
  assert.throws(() => Object.assign(settings["worker.resources"], { GPU: 1 }), TypeError);
  const there = settingsFrom(JSON.parse(JSON.stringify(settings.values())), "its nanny");
  assert.deepEqual({ ...there }, { ...settings });
  assert.equal(there.rank("scheduler.port"), 0);
  assert.equal(there.origin("worker.resources"), "its nanny");
});

// environment and flags --------------------------------------------------------------------------

Deno.test("an environment variable is understood under both names, not under both at once", async () => {
  const long = await load({ env: { DUSK__COMM__TCP_TIMEOUT: "5 minutes" } });
  assert.equal(long["comm.tcp-timeout"], 300);
  const short = await load({ env: { DUSK__TCP_TIMEOUT: "500ms" } });
  assert.equal(short["comm.tcp-timeout"], 0.5);
  await refuses(
    load({ env: { DUSK__COMM__TCP_TIMEOUT: "1", DUSK__TCP_TIMEOUT: "2" } }),
    /DUSK__COMM__TCP_TIMEOUT and environment variable DUSK__TCP_TIMEOUT are two names/,
  );
});

Deno.test("a wrong environment variable is named, with the right one", async () => {
  await refuses(
    load({ env: { DUSK__SCHEDULER__ALOWED_FAILURES: "5" } }),
    "environment variable DUSK__SCHEDULER__ALOWED_FAILURES: there is no setting " +
      '"DUSK__SCHEDULER__ALOWED_FAILURES"; ' +
      "did you mean DUSK__SCHEDULER__ALLOWED_FAILURES?",
  );
  await refuses(
    load({ env: { DUSK__SCHEDULER__PORT: "http" } }),
    'environment variable DUSK__SCHEDULER__PORT must be a whole number from 0 to 65535; got "http"',
  );
  await refuses(load({ env: { DUSK__scheduler__port: "1" } }), /there is no setting/);
  await refuses(load({ env: { DUSK__WORKER__NAME: "" } }), /DUSK__WORKER__NAME must be a text/);
  await refuses(
    load({ env: { DUSK__LOGGING__DISTRIBUTED: "loud" } }),
    /DUSK__LOGGING__DIST.* must be/,
  );
});

Deno.test("the token may come in DUSK_TOKEN, and is never in an error", async () => {
  const settings = await load({ env: { DUSK_TOKEN: "correct horse" } });
  assert.equal(settings["security.token"], "correct horse");
  assert.equal(settings.origin("security.token"), "environment DUSK_TOKEN");
  await assert.rejects(load({ env: { DUSK_TOKEN: "secret\0" } }), (error: Error) => {
    assert(!error.message.includes("secret"), error.message);
    assert.match(error.message, /DUSK_TOKEN must be/);
    return true;
  });
});

Deno.test("a wrong flag is named as it was typed; the last of several counts", async () => {
  const flag = (value: unknown) => ({ name: "scheduler.port", flag: "--port", value }) as const;
  await refuses(
    load({ flags: [flag("99999")] }),
    '--port must be a whole number from 0 to 65535; got "99999"',
  );
  const settings = await load({ flags: [flag("1"), flag("2"), flag(undefined)] });
  assert.equal(settings["scheduler.port"], 2);
});

// files that are wrong ---------------------------------------------------------------------------

Deno.test("an unknown name is told with file, line, column and the nearest right one", async () => {
  const hints: Record<string, RegExp> = {
    "scheduler:\n  prot: 1":
      /^FILE:2:3: there is no setting "scheduler\.prot"; did you mean scheduler\.port\?$/,
    "allowed_failures: 1": /did you mean allowed-failures\?/,
    "port: 1": /did you mean scheduler\.port or worker\.port\?/,
    "comm:\n  tls:\n    ca-file: x": /^FILE:2:3: .*; did you mean tls\?$/,
    "sheduler:\n  port: 1": /^FILE:1:1: there is no setting "sheduler"; did you mean scheduler\?/,
    "xyzzy: 1": /there is no setting "xyzzy"; see docs\/configuration\.md/,
    "? [a]\n: 1": /FILE:1:3: there is no setting ""/,
    "__proto__: 1": /there is no setting "__proto__"/,
    "scheduler: { constructor: 1 }": /there is no setting "scheduler\.constructor"/,
  };
  for (const [text, hint] of Object.entries(hints)) await refuses(loadText(text), hint);
});

Deno.test("a wrong value is told with its place, the name and what is expected", async () => {
  const hints: Record<string, string> = {
    "worker:\n  nprocs: 1.5":
      "FILE:2:11: worker.nprocs must be a whole number from 1 to 1024; got 1.5",
    "comm: { compression: zip }":
      'FILE:1:22: comm.compression must be auto, lz4 or none; got "zip"',
    "scheduler: { preload: { a: 1 } }":
      "FILE:1:23: scheduler.preload must be a list of paths or URLs; got a map",
    "logging:\n  a: info\n  b: loud":
      'FILE:3: logging, entry b, must be debug, info, warning, error or critical; got "loud"',
    "worker: { resources: { 'a b': 1 } }":
      'FILE:1: worker.resources has an entry "a b"; names are made of letters, digits, dots, dashes and underscores',
    "worker: { nanny: maybe }": 'FILE:1:18: worker.nanny must be true or false; got "maybe"',
    "scheduler: 8786":
      "FILE:1:12: scheduler must be a map with host, interface, port, dashboard-address, pid-file, preload, …",
    "- a":
      "FILE:1:1: the settings must be a map with scheduler, worker, client, scheduler-file, comm, tls, …",
  };
  for (const [text, message] of Object.entries(hints)) await refuses(loadText(text), message);
});

Deno.test("a file that is no YAML is told where it ends to be", async () => {
  await refuses(loadText("a: [1"), /^FILE:1:6: this is no YAML: /);
  await refuses(loadText("a: 1\na: 2"), /^FILE:2:1: this is no YAML: Map keys must be unique/);
  await refuses(loadText("a: 1\n---\nb: 2"), /this is no YAML: .*multiple documents/);
  await refuses(loadText("a: !!js/function 1"), /this is no YAML: Unresolved tag/);
  await refuses(loadText("log-file: *x"), /^FILE:1:11: nothing before it has the anchor &x$/);
});

Deno.test("aliases are understood, and cannot make a file explode", async () => {
  const settings = await loadText("tls:\n  worker: &a { cert: /c }\n  client: *a\n");
  assert.equal(settings["tls.client.cert"], "/c");
  const bomb = ["x0: &x0 [a, a, a, a, a, a, a, a, a]"];
  for (let i = 1; i < 10; i++) {
    bomb.push(`x${i}: &x${i} [${Array(9).fill(`*x${i - 1}`).join(", ")}]`);
  }
  await refuses(
    loadText(`worker: { resources: { ${bomb.join(", ")} } }`),
    /more than 10000 values/,
  );
  await refuses(loadText("worker: { resources: &a { b: *a } }"), /more than 20 levels/);
  await refuses(loadText("worker: &w { memory: *w }"), /there is no setting|more than/);
});

Deno.test("files that are too large, too deep, binary or not there are refused", async () => {
  await refuses(
    loadText("# ".padEnd(300_000, "x")),
    /^FILE: this is no file of settings: it has more than 262144 bytes/,
  );
  await refuses(
    loadText(`worker: { resources: ${"[".repeat(30)}${"]".repeat(30)} }`),
    /more than 20 levels/,
  );
  await refuses(loadText(`a: ${"[".repeat(100_000)}`), /FILE/);
  await refuses(loadText(new Uint8Array([0xff, 0xfe, 0])), /is no text in UTF-8/);
  await refuses(
    load({ files: ["/nowhere/a.yaml"] }),
    '--config: it names "/nowhere/a.yaml", which is not there',
  );
  await refuses(
    load({ env: { DUSK_CONFIG: "/nowhere" } }),
    'environment variable DUSK_CONFIG: it names "/nowhere", which is not there',
  );
});

Deno.test("a text that YAML takes for a number or a word stays as it was written", async () => {
  const settings = await loadText("worker: { name: 007 }\nscheduler: { host: true }");
  assert.equal(settings["worker.name"], "007");
  assert.equal(settings["scheduler.host"], "true");
});

// permissions ------------------------------------------------------------------------------------

Deno.test({
  name: "without permissions nobody is asked, and everything is at its default",
  permissions: { read: [new URL("../../", import.meta.url)], import: true },
  fn: async () => {
    const settings = await loadSettings();
    assert.equal(settings.origin("scheduler.port"), "default");
  },
});

Deno.test({
  name: "with the permission for some variables, those count",
  permissions: { env: ["DUSK__SCHEDULER__PORT", "DUSK_TOKEN"] },
  fn: async () => {
    Deno.env.set("DUSK__SCHEDULER__PORT", "7");
    try {
      assert.equal((await loadSettings())["scheduler.port"], 7);
    } finally {
      Deno.env.delete("DUSK__SCHEDULER__PORT");
    }
  },
});
