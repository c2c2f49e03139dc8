/** What tasks may learn of the secret that their worker was given. */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { Security } from "../../comm/security.ts";
import { popen } from "../support/popen.ts";
import { startScheduler } from "../support/programs.ts";

const token = "a secret that nobody else shall know";

for (const mode of ["--nanny", "--no-nanny"]) {
  Deno.test(`tasks that may read the environment do not find the token there (${mode})`, async () => {
    const env = { DUSK_TOKEN: token };
    await using scheduler = await startScheduler([], { env });
    const { address } = scheduler;
    const flags = [mode, "--allow-env", "--allow-read", "--allow-run"];
    await using _worker = popen("worker", [address, ...flags], {
      env: { DUSK__SECURITY__TOKEN: token, HARMLESS: "here" },
    });
    await using client = await Client.connect(address, { security: new Security({ token }) });
    const seen = await client.submit(() => {
      const printed = new Deno.Command("env").outputSync().stdout;
      const words = [JSON.stringify(Deno.env.toObject()), new TextDecoder().decode(printed)];
      try {
        words.push(Deno.readTextFileSync("/proc/self/environ"));
      } catch (error) {
        if (!(error instanceof Deno.errors.NotCapable)) throw error;
      }
      return words.join("\n");
    }).result();
    assert.match(seen, /HARMLESS/);
    assert(!seen.includes(token), "the token is in the environment");
  });
}
