/**
 * Sessions of TLS that are taken up again: Deno goes by the certificate that was shown in the first one
 * then, and does not say any more that it was no good.
 */
import assert from "node:assert/strict";
import { listen } from "../../comm/comm.ts";
import { PROTOCOL_VERSION } from "../../comm/handshake.ts";
import { encodeFrames } from "../../protocol/frames.ts";
import { dumps } from "../../protocol/pack.ts";
import { authority, type Certificate, tlsSecurity } from "../support/certificates.ts";
import { LogLines } from "./pair.ts";

const security = (await tlsSecurity()).connection("scheduler");
const HELLO = encodeFrames(dumps({ dusk: PROTOCOL_VERSION, compression: [] }));

/** Says hello by `openssl s_client`, and reads until the listener closes or says that it is let in. */
async function sayHello(
  address: string,
  { cert, key }: Certificate,
  ...more: string[]
): Promise<void> {
  const child = new Deno.Command("openssl", {
    args: [
      ...["s_client", "-quiet", "-connect", address.replace("tls://", "")],
      ...["-cert", cert, "-key", key, ...more],
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  for (const buffer of HELLO) await writer.write(buffer);
  await child.stdout.pipeTo(new WritableStream());
  await writer.close().catch(() => {});
  await child.status;
}

for (const version of ["-tls1_3", "-tls1_2"]) {
  Deno.test(`a stranger that takes up its refused session again is refused again (${version})`, async () => {
    const stranger = await authority("stranger");
    const folder = await Deno.makeTempDir({ prefix: "dusk-session-" });
    const session = `${folder}/session.pem`;
    using log = new LogLines();
    let letIn = 0;
    const listener = listen("tls://127.0.0.1:0", async (comm) => {
      letIn++;
      await comm.close();
    }, { security });
    await listener.start();
    try {
      const address = listener.contactAddress;
      await sayHello(address, stranger, version, "-sess_out", session);
      assert((await Deno.stat(session)).size > 0);
      for (let i = 0; i < 2; i++) await sayHello(address, stranger, version, "-sess_in", session);
      assert.equal(letIn, 0);
      await log.waitFor("Dropped a connection from tls://127.0.0.1:");
    } finally {
      await listener.stop();
      await Deno.remove(folder, { recursive: true });
    }
  });
}
