/** Settings that are in use, and what they are the defaults of. */
import assert from "node:assert/strict";
import { normalizeAddress } from "../../comm/addresses.ts";
import { defaultSecurity } from "../../comm/default_security.ts";
import { configure, useSettings } from "../../config/configure.ts";
import { withDefaults } from "../../config/configured.ts";
import { getLogger, resetLogging } from "../../config/logging.ts";
import type { FlagValue } from "../../config/settings.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { checkWorkerOptions } from "../../worker/worker_options.ts";
import { ConfigFolder, load } from "./config_folder.ts";

const schedulerAddress = "tcp://127.0.0.1:1";

/** Does the work with these settings in use. */
async function withSettings(flags: FlagValue[], work: () => void | Promise<void>): Promise<void> {
  await useSettings(await load({ flags }));
  try {
    await work();
  } finally {
    await useSettings(undefined);
  }
}

Deno.test("settings in use are the defaults of schedulers, whose options stand over them", () =>
  withSettings([
    { name: "scheduler.allowed-failures", flag: "-", value: 7 },
    { name: "scheduler.bandwidth", flag: "-", value: "1GB" },
  ], async () => {
    await using scheduler = new Scheduler({ bandwidth: 5, allowedFailures: undefined });
    assert.equal(scheduler.core.allowedFailures, 7);
    assert.equal(scheduler.core.bandwidth, 5);
    assert.equal(scheduler.core.workerTtl, 30);
  }));

Deno.test("and of workers", () =>
  withSettings([{ name: "worker.max-outgoing", flag: "-", value: 7 }], () => {
    assert.equal(checkWorkerOptions({ schedulerAddress }).maxOutgoing, 7);
    assert.equal(checkWorkerOptions({ schedulerAddress, maxOutgoing: 8 }).maxOutgoing, 8);
    // What settings do not say is as it was, and not as it is for programs.
    assert.equal(checkWorkerOptions({ schedulerAddress }).connectTimeout, 10);
  }));

Deno.test("an address without scheme has the one of the settings", async () => {
  await withSettings([{ name: "comm.default-scheme", flag: "-", value: "tls" }], () => {
    assert.equal(normalizeAddress("1.2.3.4:5"), "tls://1.2.3.4:5");
    assert.equal(normalizeAddress("tcp://1.2.3.4:5"), "tcp://1.2.3.4:5");
  });
  assert.equal(normalizeAddress("1.2.3.4:5"), "tcp://1.2.3.4:5");
});

Deno.test("what settings say of protection protects all connections, read once", async () => {
  const token = "0123456789abcdef";
  await withSettings([{ name: "security.token", flag: "-", value: token }], () => {
    const security = defaultSecurity();
    assert.equal(security?.connection("client").token, token);
    assert.equal(security, defaultSecurity());
    assert.equal(checkWorkerOptions({ schedulerAddress }).security, security);
  });
  await withSettings([], () => assert.equal(defaultSecurity(), undefined));
  assert.equal(defaultSecurity(), undefined);
});

Deno.test("configure reads settings, logs as they say and warns of those that do nothing", async () => {
  using folder = new ConfigFolder();
  const log = `${folder.path}/dusk.log`;
  folder.write(
    "a.yaml",
    `logging: warning\nlog-format: json\nlog-file: ${log}\npdb-on-err: true\n`,
  );
  try {
    const settings = await configure({ env: {}, folders: [folder.path] });
    assert.equal(settings["log-format"], "json");
    getLogger("distributed.x").info("unheard");
    getLogger("distributed.x").error("heard");
  } finally {
    resetLogging();
    await useSettings(undefined);
  }
  const lines = Deno.readTextFileSync(log).trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.equal(lines.length, 2);
  assert.equal(lines[0].level, "warning");
  assert.match(lines[0].message, /a\.yaml:4:13: pdb-on-err has no effect/);
  assert.equal(lines[1].message, "heard");
});

Deno.test("options that are undefined are not given", () => {
  const options: { a?: number; b?: number | null; c?: number } = { a: undefined, b: null };
  assert.equal(withDefaults(options, undefined), options);
  assert.deepEqual(withDefaults(options, { a: 1, b: 2, c: undefined }), {
    a: 1,
    b: null,
    c: undefined,
  });
});
