/** Blobs, whose bytes have to be read before they travel. */
import assert from "node:assert/strict";
import { blobBytes, readBlobs, UnreadBlobError } from "../../protocol/blob_bytes.ts";
import { withBlobsSync } from "../../protocol/blob_sync.ts";
import { deserialize, SerializationError, serialize } from "../../protocol/values.ts";
import { randomBytes } from "./random_bytes.ts";

Deno.test("Blobs and files travel once their bytes were read", async () => {
  const text = new Blob(["one ", "two"], { type: "text/plain" });
  const file = new File([randomBytes(100_000)], "näme.bin", { lastModified: 12345 });
  const value = { list: [text, file], again: text };
  let unread: unknown;
  try {
    serialize(value, { name: "args" });
  } catch (error) {
    unread = error;
  }
  assert.ok(unread instanceof UnreadBlobError && unread instanceof SerializationError);
  assert.deepEqual(unread.blobs, [text, file]);
  assert.equal(unread.path, "args.list[0]");
  assert.match(unread.message, /send await blob\.bytes\(\) instead/);

  await readBlobs(unread);
  const bytes = serialize(value);
  assert.equal(bytes.frames.length, 2);
  const copy = deserialize(bytes) as typeof value;
  const [blob, copied] = copy.list as [Blob, File];
  assert.equal(Object.getPrototypeOf(blob), Blob.prototype);
  assert.equal(copy.again, blob);
  assert.equal(await blob.text(), "one two");
  assert.equal(blob.type, "text/plain");
  assert.ok(copied instanceof File);
  assert.deepEqual(await copied.bytes(), await file.bytes());
  assert.deepEqual([copied.name, copied.lastModified, copied.type], ["näme.bin", 12345, ""]);
  // What was decoded can be encoded at once, and gives the same bytes.
  assert.deepEqual(serialize(copy).frames, bytes.frames);
});

Deno.test("a Blob is read while nothing else runs", () => {
  const content = randomBytes(1_000_000);
  const blobs = [new Blob([content]), new Blob([])];
  withBlobsSync(() => serialize(blobs));
  assert.deepEqual(blobs.map(blobBytes), [content, new Uint8Array()]);
});

Deno.test("an encoder is tried again after its Blobs were read", async () => {
  const file = new File(["text"], "name");
  const blob = new Blob(["more"]);
  let calls = 0;
  const bytes = withBlobsSync(() => {
    calls++;
    return serialize([file, blob]);
  });
  assert.equal(calls, 2);
  const [copy] = deserialize(bytes) as File[];
  assert.equal(await copy.text(), "text");
});

Deno.test("a value with another Blob each time is given up", () => {
  const fresh = {
    get blob() {
      return new Blob(["x"]);
    },
  };
  assert.throws(() => withBlobsSync(() => serialize(fresh)), UnreadBlobError);
});

Deno.test("other errors of an encoder pass through", () => {
  const failure = new Error("other");
  assert.throws(
    () =>
      withBlobsSync(() => {
        throw failure;
      }),
    (error) => error === failure,
  );
});

Deno.test("a Blob that cannot be read is named by its place in the value", () => {
  const { createObjectURL } = URL;
  URL.createObjectURL = () => "blob:null/gone";
  try {
    assert.throws(
      () => withBlobsSync(() => serialize([new Blob(["x"])], { name: "args" })),
      (error) =>
        error instanceof SerializationError && error.path === "args[0]" &&
        /a Blob of 1 bytes could not be read/.test(String(error.cause)),
    );
  } finally {
    URL.createObjectURL = createObjectURL;
  }
});

Deno.test("an unread Blob of an error does not make the error travel without it", async () => {
  const error = Object.assign(new Error("with data"), { blob: new Blob(["data"]) });
  assert.throws(() => serialize(error), UnreadBlobError);
  await readBlobs([error.blob]);
  const copy = deserialize(serialize(error)) as typeof error;
  assert.equal(await copy.blob.text(), "data");
});
