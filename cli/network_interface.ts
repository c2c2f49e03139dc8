/**
 * The address that stands behind `--interface eth0`.
 *
 * @module
 */
import { ProgramError } from "./command_line.ts";

/** What is looked at of an interface. */
type Interface = Pick<Deno.NetworkInterfaceInfo, "name" | "family" | "address">;

/**
 * The address of a network interface of this machine: IPv4 before IPv6, and none that holds on one
 * link only.
 *
 * @param name Name of the interface, such as "eth0" or "ib0".
 * @param interfaces The machine's. Default: as Deno tells them.
 * @returns An IP address.
 * @throws {ProgramError} When there is no such interface, or it has no address; names those there are.
 */
export function addressOfInterface(
  name: string,
  interfaces: Interface[] = Deno.networkInterfaces(),
): string {
  const own = interfaces.filter((it) => it.name === name && !/^fe[89ab]/i.test(it.address));
  const best = own.find(({ family }) => family === "IPv4") ?? own[0];
  if (best !== undefined) return best.address;
  const names = [...new Set(interfaces.map((it) => it.name))].join(", ");
  throw new ProgramError(
    `--interface ${name}: this machine has no address at a network interface of that name; ` +
      `it has ${names || "none"}`,
  );
}
