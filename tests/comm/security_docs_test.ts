/** What docs/security.md says to make certificates and tokens by, done as it says. */
import assert from "node:assert/strict";
import { Security } from "../../comm/security.ts";
import { openPair } from "./pair.ts";

/** The commands below a heading of the page on security. */
async function commands(heading: string): Promise<string> {
  const page = await Deno.readTextFile(new URL("../../docs/security.md", import.meta.url));
  const block = page.split(`## ${heading}\n`)[1].match(/```sh\n([^]*?)```/);
  return block![1];
}

async function run(script: string, cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("sh", {
    args: ["-e", "-c", script],
    cwd,
    stdout: "null",
    stderr: "piped",
  }).output();
  assert(success, new TextDecoder().decode(stderr));
}

Deno.test("certificates made as the documentation says protect a connection", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await run(await commands("Certificates, in five commands"), folder);
    const security = new Security({
      tlsCaFile: `${folder}/ca.pem`,
      tlsClientCert: `${folder}/dusk.pem`,
      tlsClientKey: `${folder}/dusk-key.pem`,
      requireEncryption: true,
    });
    await using pair = await openPair("tls://127.0.0.1:0", {
      security: security.connection("client"),
    });
    await pair.here.write("hello");
    assert.equal(await pair.there.read(), "hello");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a token made as the documentation says protects a connection", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await run(await commands("A token, in one command"), folder);
    const security = new Security({ token: await Deno.readTextFile(`${folder}/token`) });
    await using pair = await openPair("tcp://127.0.0.1:0", {
      security: security.connection("client"),
    });
    await pair.here.write("hello");
    assert.equal(await pair.there.read(), "hello");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
