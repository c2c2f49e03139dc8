/** What --print-config shows. */
import assert from "node:assert/strict";
import { resolve } from "node:path";
import { printSettings } from "../../config/print_settings.ts";
import { ConfigFolder, load } from "./config_folder.ts";

Deno.test("what is printed can be read again, and is the same then", async () => {
  using folder = new ConfigFolder();
  const file = folder.write(
    "a.yaml",
    `logging: { distributed: warning, distributed.comm: debug }
worker: { resources: { GPU: 2, MEMORY: 4GB }, name: "true", memory: { limit: 0 } }
scheduler: { preload: [a.js, "b c.js"], bandwidth: 123456789 }
comm: { tcp-timeout: 1500ms }
log-file: "x # y: z"
`,
  );
  const settings = await load({ files: [file] });
  const again = await load({ files: [folder.write("again.yaml", printSettings(settings))] });
  assert.deepEqual({ ...again }, { ...settings });
  assert.equal(
    printSettings(again).replace(/# .*/g, ""),
    printSettings(settings).replace(/# .*/g, ""),
  );
});

Deno.test("each line tells where its value comes from", async () => {
  using folder = new ConfigFolder();
  const file = folder.write("a.yaml", "scheduler:\n  allowed-failures: 5\n");
  const env = { DUSK__LOGGING__DISTRIBUTED__COMM: "debug" };
  const flags = [{ name: "scheduler.port", flag: "--port", value: "1234" }] as const;
  const lines = printSettings(await load({ files: [file], env, flags })).split("\n");
  const find = (name: string) => lines.find((line) => line.trim().startsWith(`${name}:`));
  assert.match(find("port")!, /^ {2}port: 1234 +# --port$/);
  assert.equal(find("allowed-failures")!.split(" # ")[1], `${file}:2`);
  assert.match(find("distributed")!, /^ {2}distributed: info +# default$/);
  assert.match(
    find("distributed.comm")!,
    /^ {2}distributed\.comm: debug +# environment DUSK__LOGGING__DISTRIBUTED__COMM$/,
  );
  for (const line of lines.filter((it) => /: \S/.test(it))) assert.match(line, / {2}# \S/);
});

Deno.test("secrets are not printed, and reading the rest again does not set them", async () => {
  using folder = new ConfigFolder();
  const settings = await load({ env: { DUSK_TOKEN: "correct horse battery staple" } });
  const printed = printSettings(settings);
  assert(!printed.includes("horse"), printed);
  assert.match(printed, /^ {2}# token: \(not shown\) +# environment DUSK_TOKEN$/m);
  const again = await load({ files: [folder.write("a.yaml", printed)] });
  assert.equal(again["security.token"], undefined);
});

Deno.test("settings without effect are printed only where they were set", async () => {
  using folder = new ConfigFolder();
  assert(!printSettings(await load()).includes("pdb"));
  const file = folder.write("a.yaml", "pdb-on-err: true");
  const printed = printSettings(await load({ files: [file] }));
  assert.match(printed, /^pdb-on-err: true +# .*a\.yaml:1, without effect$/m);
});

Deno.test("paths of flags and the environment mean the same when read from another folder", async () => {
  using folder = new ConfigFolder();
  const settings = await load({
    env: { DUSK__TLS__CA_FILE: "../ca.pem", DUSK__SECURITY__TOKEN_FILE: "/token" },
    flags: [
      { name: "log-file", flag: "--log-file", value: "dusk.log" },
      { name: "worker.preload", flag: "--preload", value: ["./a.ts", "https://x.example/b.ts"] },
    ],
  });
  const again = await load({ files: [folder.write("again.yaml", printSettings(settings))] });
  assert.equal(again["log-file"], resolve("dusk.log"));
  assert.equal(again["tls.ca-file"], resolve("../ca.pem"));
  assert.equal(again["security.token-file"], "/token");
  assert.deepEqual(again["worker.preload"], [resolve("a.ts"), "https://x.example/b.ts"]);
});
