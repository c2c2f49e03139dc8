/** The address behind the name of a network interface. */
import assert from "node:assert/strict";
import { ProgramError } from "../../cli/command_line.ts";
import { addressOfInterface } from "../../cli/network_interface.ts";

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
