/** Values of flags: amounts of resources, and addresses behind names of interfaces. */
import assert from "node:assert/strict";
import { FlagValueError, ProgramError } from "../../cli/command_line.ts";
import { addressOfInterface } from "../../cli/network_interface.ts";
import { parseResources } from "../../cli/resources.ts";

Deno.test("resources are names with amounts", () => {
  assert.deepEqual(parseResources("GPU=2,MEMORY=100e9"), { GPU: 2, MEMORY: 100e9 });
  assert.deepEqual(parseResources("GPU=0.5 RAM=1e3"), { GPU: 0.5, RAM: 1000 });
  assert.deepEqual(parseResources("GPU=1", { CPU: 3 }), { CPU: 3, GPU: 1 });
  assert.deepEqual(Object.entries(parseResources("__proto__=1")), [["__proto__", 1]]);
});

Deno.test("malformed resources are refused by the part that is wrong", () => {
  for (
    const [text, words] of [
      ["GPU", /"GPU" must be NAME=AMOUNT/],
      ["GPU=", /"GPU="/],
      ["=2", /"=2"/],
      ["A=1,GPU=two", /"GPU=two"/],
      ["GPU=-1", /"GPU=-1"/],
      ["GPU=1e999", /"GPU=1e999"/],
      ["GPU=1=2", /"GPU=1=2"/],
      ["GPU=1,GPU=2", /names GPU twice/],
      ["", /as in GPU=2/],
    ] as [string, RegExp][]
  ) {
    assert.throws(() => parseResources(text), (error) => {
      assert.ok(error instanceof FlagValueError);
      assert.match(error.message, words);
      return true;
    }, text);
  }
  assert.throws(() => parseResources("GPU=1", { GPU: 3 }), /names GPU twice/);
});

Deno.test("an interface gives its address, IPv4 before IPv6", () => {
  const interfaces = [
    { name: "lo", family: "IPv4", address: "127.0.0.1" },
    { name: "eth0", family: "IPv6", address: "fe80::1" },
    { name: "eth0", family: "IPv6", address: "fd00::1" },
    { name: "eth0", family: "IPv4", address: "10.0.0.1" },
    { name: "ib0", family: "IPv6", address: "fd00::2" },
    { name: "link", family: "IPv6", address: "fe80::2" },
  ] as Deno.NetworkInterfaceInfo[];
  assert.equal(addressOfInterface("eth0", interfaces), "10.0.0.1");
  assert.equal(addressOfInterface("ib0", interfaces), "fd00::2");
  for (const name of ["eth1", "link", ""]) {
    assert.throws(() => addressOfInterface(name, interfaces), (error) => {
      assert.ok(error instanceof ProgramError);
      assert.match(error.message, /no address .* it has lo, eth0, ib0, link$/);
      return true;
    }, name);
  }
});
