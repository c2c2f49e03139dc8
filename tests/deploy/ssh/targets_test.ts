/** Which binary is for which system. */
import assert from "node:assert/strict";
import { CopyError, LocalBinaries } from "../../../deploy/ssh/binaries.ts";
import { targetOfBinary, targetOfSystem } from "../../../deploy/ssh/targets.ts";

function elf(machine: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(20);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  header[18] = machine;
  return header;
}

function machO(cpu: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  view.setUint32(0, 0xfeedfacf, true);
  view.setUint32(4, cpu, true);
  return header;
}

Deno.test("systems have targets by what uname says", () => {
  assert.equal(targetOfSystem("Linux x86_64"), "x86_64-unknown-linux-gnu");
  assert.equal(targetOfSystem("Linux aarch64"), "aarch64-unknown-linux-gnu");
  assert.equal(targetOfSystem("Darwin arm64"), "aarch64-apple-darwin");
  for (const other of ["", "Linux i686", "FreeBSD amd64", "constructor"]) {
    assert.equal(targetOfSystem(other), undefined);
  }
});

Deno.test("binaries have targets by their first bytes", () => {
  assert.equal(targetOfBinary(elf(0x3e)), "x86_64-unknown-linux-gnu");
  assert.equal(targetOfBinary(elf(0xb7)), "aarch64-unknown-linux-gnu");
  assert.equal(targetOfBinary(elf(0x28)), undefined);
  assert.equal(targetOfBinary(machO(0x01000007)), "x86_64-apple-darwin");
  assert.equal(targetOfBinary(machO(0x0100000c)), "aarch64-apple-darwin");
  assert.equal(targetOfBinary(new TextEncoder().encode("#!/bin/sh\nexec something")), undefined);
  assert.equal(targetOfBinary(new Uint8Array(3)), undefined);
});

Deno.test("the binary with the target in its name comes before the plain one of that target", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.writeFile(`${folder}/dusk-worker`, elf(0x3e));
    await Deno.writeFile(`${folder}/dusk-worker-aarch64-unknown-linux-gnu`, elf(0xb7));
    const binaries = new LocalBinaries(folder);
    const plain = await binaries.find("dusk-worker", "x86_64-unknown-linux-gnu");
    assert.equal(plain.path, `${folder}/dusk-worker`);
    const digest = await crypto.subtle.digest("SHA-256", elf(0x3e));
    assert.equal(
      plain.sha256,
      Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    );
    const named = await binaries.find("dusk-worker", "aarch64-unknown-linux-gnu");
    assert.equal(named.path, `${folder}/dusk-worker-aarch64-unknown-linux-gnu`);
    await assert.rejects(
      binaries.find("dusk-worker", "x86_64-apple-darwin"),
      (error: Error) => {
        assert.ok(error instanceof CopyError);
        assert.match(
          error.message,
          /has no dusk-worker for x86_64-apple-darwin: put .* --binaries/,
        );
        return true;
      },
    );
    await assert.rejects(binaries.find("dusk-scheduler", "x86_64-unknown-linux-gnu"), CopyError);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
