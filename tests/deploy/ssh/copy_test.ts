/** Copying programs to a host, with a shell script in the place of ssh. */
import assert from "node:assert/strict";
import { LocalBinaries } from "../../../deploy/ssh/binaries.ts";
import { copyPrograms } from "../../../deploy/ssh/copy.ts";
import { HEADER_BYTES } from "../../../deploy/ssh/targets.ts";

Deno.test({
  name: "a copy that is given up closes the file that it was to send",
  sanitizeResources: true,
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "dusk-copy-" });
    try {
      const header = new Uint8Array(HEADER_BYTES);
      header.set([0x7f, 0x45, 0x4c, 0x46]);
      header[18] = 0x3e;
      await Deno.writeFile(`${folder}/dusk-worker`, header);
      const ssh = "#!/bin/sh\necho dusk-system Linux x86_64\nexec cat >/dev/null\n";
      await Deno.writeTextFile(`${folder}/ssh`, ssh, { mode: 0o755 });
      const abort = new AbortController();
      const copying = copyPrograms({
        host: { name: "alpha", host: "alpha" },
        login: { program: `${folder}/ssh`, lostAfter: 60 },
        programs: ["dusk-worker"],
        binaries: new LocalBinaries(folder),
        folder: "/nowhere",
        onCopy: () => abort.abort(new Error("given up")),
        signal: abort.signal,
      });
      // What stays open is found by the sanitizer.
      await assert.rejects(copying, /given up/);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
