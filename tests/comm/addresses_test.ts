/** Addresses: their parts, defaults and names. */
import assert from "node:assert/strict";
import {
  AddressError,
  getAddressHost,
  getAddressHostPort,
  getLocalAddressFor,
  normalizeAddress,
  parseAddress,
  resolveAddress,
  unparseAddress,
} from "../../comm/addresses.ts";

Deno.test("an address splits into scheme and location", () => {
  assert.deepEqual(parseAddress("tcp://127.0.0.1"), ["tcp", "127.0.0.1"]);
  assert.deepEqual(parseAddress("127.0.0.1:456"), ["tcp", "127.0.0.1:456"]);
  assert.deepEqual(parseAddress("tcp://"), ["tcp", ""]);
  assert.deepEqual(parseAddress("inproc://12/3"), ["inproc", "12/3"]);
  assert.deepEqual(parseAddress("TCP://a:1"), ["tcp", "a:1"]);
});

Deno.test("scheme and location join to an address", () => {
  assert.equal(unparseAddress("tcp", "127.0.0.1"), "tcp://127.0.0.1");
});

Deno.test("the default scheme is added where there is none", () => {
  assert.equal(normalizeAddress("zmq://[::1]"), "zmq://[::1]");
  assert.equal(normalizeAddress("[::1]"), "tcp://[::1]");
  assert.equal(normalizeAddress("127.0.0.1:456"), "tcp://127.0.0.1:456");
});

Deno.test("localhost resolves to 127.0.0.1, addresses to themselves", async () => {
  assert.equal(await resolveAddress("tcp://localhost:8786"), "tcp://127.0.0.1:8786");
  assert.equal(await resolveAddress("localhost"), "tcp://127.0.0.1");
  assert.equal(await resolveAddress("tcp://1.2.3.4:80"), "tcp://1.2.3.4:80");
  assert.equal(await resolveAddress("[::1]:80"), "tcp://[::1]:80");
  assert.equal(await resolveAddress("inproc://1/2"), "inproc://1/2");
});

Deno.test("an unknown host name does not resolve, and the error names it", async () => {
  await assert.rejects(resolveAddress("tcp://nobody.invalid:1"), (error: Error) => {
    assert(error instanceof AddressError);
    assert.match(error.message, /nobody\.invalid/);
    return true;
  });
});

Deno.test("the host of an address needs no port", () => {
  assert.equal(getAddressHost("tcp://1.2.3.4:80"), "1.2.3.4");
  assert.equal(getAddressHost("tcp://1.2.3.4"), "1.2.3.4");
  assert.equal(getAddressHost("[::1]:80"), "::1");
  assert.equal(getAddressHost("inproc://1/2"), "127.0.0.1");
});

Deno.test("host and port of an address", () => {
  assert.deepEqual(getAddressHostPort("tcp://1.2.3.4:80"), ["1.2.3.4", 80]);
  assert.deepEqual(getAddressHostPort("tcp://[fe80::1%eth0]:80"), ["fe80::1%eth0", 80]);
  assert.deepEqual(getAddressHostPort("node-7.cluster:8786"), ["node-7.cluster", 8786]);
});

for (
  const [address, part] of [
    ["tcp://1.2.3.4", "no port"],
    ["tcp://1.2.3.4:", 'port ""'],
    ["tcp://1.2.3.4:70000", "70000"],
    ["tcp://1.2.3.4:-1", "-1"],
    ["tcp://1.2.3.4:0x10", "0x10"],
    ["tcp://::1:80", "brackets"],
    ["tcp://[::1", '"]"'],
    ["tcp://[::1]80", ":port"],
    ["tcp://[nonsense]:80", "nonsense"],
    ["tcp://host:80/path", "slashes"],
    ["tcp://ho st:80", "spaces"],
    ["tcp://host\n:80", "spaces"],
    ["inproc://1/2", "not IP-based"],
    ["carrier-pigeon://x:1", "known are inproc, tcp"],
    ["3com://x:1", "no scheme"],
  ]
) {
  Deno.test(`host and port of ${JSON.stringify(address)} is one clear error`, () => {
    assert.throws(() => getAddressHostPort(address), (error: Error) => {
      assert(error instanceof AddressError, String(error));
      assert(error.message.includes(part), error.message);
      return true;
    });
  });
}

Deno.test("what is no string is no address", () => {
  assert.throws(() => parseAddress(8786 as unknown as string), AddressError);
});

Deno.test("loopback is reached from loopback", () => {
  assert.equal(getLocalAddressFor("tcp://127.0.0.1:8786"), "tcp://127.0.0.1");
  assert.equal(getLocalAddressFor("tcp://localhost:8786"), "tcp://127.0.0.1");
  assert.equal(getLocalAddressFor("tcp://[::1]:8786"), "tcp://[::1]");
});

Deno.test("another machine is reached from an address of one of the interfaces", () => {
  const own = Deno.networkInterfaces().map((it) => it.address);
  assert(own.includes(getAddressHost(getLocalAddressFor("tcp://198.51.100.7:8786"))));
  const external = Deno.networkInterfaces().find((it) =>
    it.family === "IPv4" && !it.address.startsWith("127.")
  );
  if (external !== undefined) {
    assert.equal(getLocalAddressFor(`tcp://${external.address}:1`), `tcp://${external.address}`);
  }
});

Deno.test("within the process, any free inproc address will do", () => {
  assert.equal(getLocalAddressFor("inproc://1/2"), "inproc://");
});
