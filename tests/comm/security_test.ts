/** What protects connections: options, files and defaults. */
import assert from "node:assert/strict";
import { connect, listen } from "../../comm/comm.ts";
import { Security, SecurityError, type SecurityOptions } from "../../comm/security.ts";
import { contextOptions, loadTls, tlsCredentials } from "../../comm/tls_setup.ts";
import { authority, tlsOptions, tlsSecurity } from "../support/certificates.ts";
import { openPair } from "./pair.ts";

async function temporary(text: string): Promise<string> {
  const { tlsCaFile } = await tlsOptions();
  const path = `${tlsCaFile!.replace(/[^/]*$/, "")}${crypto.randomUUID()}.pem`;
  await Deno.writeTextFile(path, text);
  return path;
}

function refuses(make: () => unknown, ...parts: (string | RegExp)[]): void {
  assert.throws(make, (error: Error) => {
    assert(error instanceof SecurityError, String(error));
    for (const part of parts) {
      if (typeof part === "string") assert(error.message.includes(part), error.message);
      else assert.match(error.message, part);
    }
    return true;
  });
}

for (
  const [options, ...parts] of [
    [{ tlsCaFle: "x" }, 'no option "tlsCaFle"', "tlsCaFile, "],
    [{ tlsCaFile: 5 }, "tlsCaFile of Security must be a text that is not empty, got a number"],
    [{ tlsCaFile: "" }, "got an empty one"],
    [{ insecure: "no" }, "insecure of Security must be true or false, got a string"],
    [{ token: 12345678901234567890 }, /token of Security must be a text.*got a number$/],
    [{ tlsCaFile: "x", tlsWorkerKey: "k" }, "tlsWorkerKey is given without tlsWorkerCert"],
    [{ tlsWorkerCert: "c" }, "tlsWorkerCert is given without tlsCaFile"],
  ] as [unknown, ...(string | RegExp)[]][]
) {
  Deno.test(`a Security of ${JSON.stringify(options)} is refused`, () => {
    refuses(() => new Security(options as SecurityOptions), ...parts);
  });
}

Deno.test("the token is not shown with the object", () => {
  const token = "a secret that nobody shall see";
  const security = new Security({ token });
  assert(!Deno.inspect(security).includes(token));
  assert(!JSON.stringify(security).includes(token));
  assert.equal(security.options.token, token);
});

Deno.test("a token can be added where there is none", () => {
  const security = new Security({ insecure: true });
  assert.equal(security.withToken(undefined), security);
  const added = security.withToken("a token of a file, say");
  assert.deepEqual(added.options, { insecure: true, token: "a token of a file, say" });
  assert.equal(added.withToken("another token that comes"), added);
});

Deno.test("the key may be in the file of the certificate", async () => {
  const { tlsCaFile, tlsWorkerCert, tlsWorkerKey } = await tlsOptions();
  const both = await temporary(
    await Deno.readTextFile(tlsWorkerKey!) + await Deno.readTextFile(tlsWorkerCert!),
  );
  const security = new Security({ tlsCaFile, tlsWorkerCert: both }).connection("worker");
  await using pair = await openPair("tls://127.0.0.1:0", { security });
  await pair.here.write("hello");
  assert.equal(await pair.there.read(), "hello");
});

Deno.test("files that cannot be used are named, with what to do", async () => {
  const { tlsCaFile, tlsWorkerCert, tlsWorkerKey } = await tlsOptions();
  const ca = await authority();
  const another = await ca.sign("another");
  const expired = await ca.sign("expired", { days: -1 });
  const old = await ca.sign("version-1", { extensions: "" });
  const noPem = await temporary("no PEM at all\n");
  const broken = await temporary(
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  );
  const locked = await temporary(
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
  );
  const brokenKey = await temporary(
    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
  );
  const good = { tlsCaFile, tlsWorkerCert, tlsWorkerKey };
  const cases: [SecurityOptions, string, RegExp][] = [
    [{ tlsCaFile: "/nowhere/ca.pem" }, "/nowhere/ca.pem", /cannot read .* check its path/],
    [{ tlsCaFile: noPem }, noPem, /holds no certificate/],
    [{ tlsCaFile: broken }, broken, /malformed/],
    [{ tlsCaFile: expired.cert }, expired.cert, /authority in .* has expired on/],
    [{ tlsWorkerCert: noPem }, noPem, /holds no certificate/],
    [{ tlsWorkerCert: old.cert, tlsWorkerKey: old.key }, old.cert, /version 1.*-extfile/],
    [{ tlsWorkerCert: expired.cert, tlsWorkerKey: expired.key }, expired.cert, /expired on/],
    [{ tlsWorkerKey: noPem }, noPem, /holds no private key/],
    [{ tlsWorkerKey: undefined }, tlsWorkerCert!, /holds no private key/],
    [{ tlsWorkerKey: locked }, locked, /is encrypted.*openssl pkey/],
    [{ tlsWorkerKey: brokenKey }, brokenKey, /a private key that cannot be used/],
    [{ tlsWorkerKey: another.key }, another.key, /not that of the certificate/],
  ];
  for (const [change, path, words] of cases) {
    refuses(() => new Security({ ...good, ...change }).connection("worker"), path, words);
  }
});

Deno.test("of several authorities those that have expired are not trusted", async () => {
  const { tlsCaFile, tlsWorkerCert, tlsWorkerKey } = await tlsOptions();
  const ca = await Deno.readTextFile(tlsCaFile!);
  const expired = await (await authority()).sign("expired", { days: -1 });
  const both = await temporary(await Deno.readTextFile(expired.cert) + ca);
  const security = new Security({ tlsCaFile: both, tlsWorkerCert, tlsWorkerKey });
  assert.equal(security.connection("worker").tls?.ca.trim(), ca.trim());
});

Deno.test("a cipher that there is not is refused by its name", async () => {
  const tlsCiphers = "TLS_AES_256_GCM_SHA384:ROT13";
  const security = (await tlsSecurity({ tlsCiphers })).connection("worker");
  const listener = listen("tls://127.0.0.1:0", () => {}, { security });
  await assert.rejects(async () => await listener.start(), /"ROT13".*there are .*TLS_AES_256/);
  await assert.rejects(connect("tls://127.0.0.1:1", { security }), SecurityError);
});

Deno.test("only ciphers that are allowed are used, or there is no connection", async () => {
  const { tls } = await loadTls();
  const strong = (await tlsSecurity({ tlsCiphers: "TLS_AES_256_GCM_SHA384" })).connection("worker");
  assert.equal(contextOptions(tls, strong.tls!).minVersion, "TLSv1.3");
  await using pair = await openPair("tls://127.0.0.1:0", { security: strong });
  const other = "TLS_AES_128_GCM_SHA256";
  const weak = (await tlsSecurity({ tlsCiphers: other })).connection("worker");
  const { contactAddress } = pair.listener;
  await assert.rejects(
    connect(contactAddress, { security: weak }),
    /only TLS_AES_128_GCM_SHA256 may/,
  );
  const old = "ECDHE-ECDSA-AES256-GCM-SHA384";
  const older = (await tlsSecurity({ tlsCiphers: old })).connection("worker");
  assert.equal(contextOptions(tls, older.tls!).maxVersion, "TLSv1.2");
  await using second = await openPair("tls://127.0.0.1:0", { security: older });
  await second.here.write("hello");
  assert.equal(await second.there.read(), "hello");
});

Deno.test("a Deno without TLS for both sides says which one has it", async () => {
  const security = (await tlsSecurity()).connection("worker");
  for (const version of ["2.7.14", "2.6.10", "1.46.0"]) {
    refuses(() => tlsCredentials("tls://x:1", security, version), "Deno 2.9", version);
  }
  for (const version of ["2.9.0", "2.10.1", "3.0.0", "2.9.0-rc.1"]) {
    assert(tlsCredentials("tls://x:1", security, version));
  }
});

Deno.test("require-encryption refuses what would leave the machine in plain", async () => {
  const security = new Security({ requireEncryption: true }).connection("client");
  for (const address of ["tcp://10.1.2.3:4", "tcp://somewhere:4"]) {
    await assert.rejects(connect(address, { security }), /is not encrypted.*tls:\/\//);
  }
  for (const address of ["tcp://", "tcp://0.0.0.0:0", "tcp://10.1.2.3:0"]) {
    refuses(() => listen(address, () => {}, { security }), address, "require-encryption");
  }
  for (const address of ["tcp://127.0.0.1:0", "tcp://localhost:0", "inproc://"]) {
    await using pair = await openPair(address, { security });
    assert(!pair.here.closed);
  }
});

Deno.test("what is no security of a connection is refused where it is given", async () => {
  const security = new Security() as never;
  await assert.rejects(
    connect("tcp://127.0.0.1:1", { security }),
    /`connection\(role\)` of a Security/,
  );
});
