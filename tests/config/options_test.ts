/** Options that come of settings. */
import assert from "node:assert/strict";
import {
  clientOptions,
  commOptions,
  loggingOptions,
  schedulerOptions,
  securityOptions,
  workerOptions,
} from "../../config/options.ts";
import { ConfigError, type FlagValue, type SettingName } from "../../config/settings.ts";
import { SchedulerCore } from "../../scheduler/core.ts";
import { checkWorkerOptions } from "../../worker/worker_options.ts";
import { ConfigFolder, load } from "./config_folder.ts";

const token = "0123456789abcdef";

Deno.test("the defaults of settings are those of the code", async () => {
  const settings = await load();
  const options = schedulerOptions(settings);
  const core = new SchedulerCore();
  for (
    const name of ["allowedFailures", "bandwidth", "defaultTaskDuration", "workerTtl"] as const
  ) {
    assert.equal(options[name], core[name], name);
  }
  assert.equal(options.workStealing, core.workStealing);
  assert.equal(options.validate, core.validate);
  const schedulerAddress = "tcp://127.0.0.1:1";
  const { connectTimeout: _patient, ...worker } = workerOptions(settings);
  const defaults: Record<string, unknown> = { ...checkWorkerOptions({ schedulerAddress }) };
  for (const [name, value] of Object.entries(worker)) {
    if (name in defaults && name !== "nthreads") assert.deepEqual(value, defaults[name], name);
  }
});

Deno.test("of the given, only what some source says becomes an option", async () => {
  const flags: FlagValue[] = [
    { name: "scheduler.bandwidth", flag: "--bandwidth", value: "1GB" },
    { name: "scheduler.unused-parts.bytes", flag: "--bytes", value: "1MB" },
    { name: "comm.compression", flag: "--compression", value: "none" },
  ];
  const settings = await load({ flags });
  assert.deepEqual(schedulerOptions(settings, "given"), {
    bandwidth: 1e9,
    unusedParts: { parts: 1000, bytes: 1e6 },
  });
  assert.deepEqual(commOptions(settings, "given"), { compression: null });
  assert.deepEqual(workerOptions(settings, "given"), {});
  assert.deepEqual(clientOptions(settings, "given"), {});
  assert.equal(commOptions(settings).compression, null);
  assert.equal(commOptions(await load()).compression, "auto");
});

Deno.test("the token comes from the source that stands higher, itself or in a file", async () => {
  using folder = new ConfigFolder();
  const file = folder.write("token", `${token}-file\n`);
  const env = { DUSK_TOKEN: `${token}-env` };
  const flags = [{ name: "security.token-file", flag: "--token-file", value: file }] as const;
  const config = folder.write("a.yaml", `security: { token-file: ${file} }`);
  const tokenOf = async (options: Parameters<typeof load>[0]) =>
    (await securityOptions(await load(options))).token;
  assert.equal(await tokenOf({}), undefined);
  assert.equal(await tokenOf({ env }), `${token}-env`);
  assert.equal(await tokenOf({ env: { DUSK_CONFIG: config } }), `${token}-file`);
  assert.equal(await tokenOf({ env: { ...env, DUSK_CONFIG: config } }), `${token}-env`);
  assert.equal(await tokenOf({ env, flags }), `${token}-file`);
});

Deno.test("a token's file that cannot be used is named, with the place that names it", async () => {
  using folder = new ConfigFolder();
  const refuses = async (file: string, words: RegExp) => {
    const flags = [{
      name: "security.token-file" as SettingName,
      flag: "--token-file",
      value: file,
    }];
    await assert.rejects(securityOptions(await load({ flags })), (error: unknown) => {
      assert(error instanceof ConfigError);
      assert.match(error.message, /^--token-file: security\.token-file ".*" cannot be used: /);
      assert.match(error.message, words);
      assert.match(error.message, /openssl rand -hex 32/);
      return true;
    });
  };
  await refuses(`${folder.path}/missing`, /No such file/);
  await refuses(folder.write("large", "x".repeat(100_000)), /has more than 65536 bytes/);
  await refuses(folder.write("binary", new Uint8Array([0xff, 0xfe])), /is no text in UTF-8/);
});

Deno.test("the log goes to the log file, line by line behind what is there", async () => {
  using folder = new ConfigFolder();
  const file = folder.write("dusk.log", "before\n");
  const flags = [{ name: "log-file", flag: "--log-file", value: file }] as const;
  const { sink, level, format } = loggingOptions(await load({ flags }));
  assert.deepEqual([level, format], [{ distributed: "info" }, "text"]);
  sink!("one");
  sink!("zwölf");
  assert.equal(Deno.readTextFileSync(file), "before\none\nzwölf\n");
});

Deno.test("a log file that cannot be written is named", async () => {
  const flags = [{ name: "log-file", flag: "--log-file", value: "/nowhere/dusk.log" }] as const;
  const settings = await load({ flags });
  assert.throws(() => loggingOptions(settings), /^ConfigError: --log-file: log-file "\/nowhere/);
});
