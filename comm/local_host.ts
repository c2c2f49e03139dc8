/**
 * Which IP address of this machine others can reach it at.
 *
 * @module
 */
import { isGranted } from "../config/permission.ts";
import { isIPv4, isIPv6, isLoopback } from "./host_port.ts";

/** Interfaces that lead to containers and virtual machines on this machine only. */
const INTERNAL_INTERFACE = /^(docker|veth|br-|virbr|vboxnet|vmnet|cni|flannel|cali|lxc|podman)/;

/**
 * Picks the address of this machine that others most probably reach: IPv4 before IPv6, a real
 * interface before a container bridge.
 *
 * @param family Restricts the choice to one family.
 * @returns The address; the loopback address when there is no other, or no permission to look.
 */
export function reachableHost(family?: "IPv4" | "IPv6"): string {
  const fallback = family === "IPv6" ? "::1" : "127.0.0.1";
  const candidates = externalInterfaces().filter((it) => !family || it.family === family);
  const best = candidates.find((it) => it.family === "IPv4" && !INTERNAL_INTERFACE.test(it.name)) ??
    candidates.find((it) => !INTERNAL_INTERFACE.test(it.name)) ?? candidates[0];
  return best?.address ?? fallback;
}

/**
 * Picks the address of this machine to listen on such that a peer can reach it: loopback for
 * loopback, one in the peer's own network where there is such, else the most reachable one.
 *
 * @param peer The peer's host name or IP address.
 * @returns An IP address of this machine.
 */
export function localHostFor(peer: string): string {
  if (isLoopback(peer)) return isIPv6(peer) ? "::1" : "127.0.0.1";
  const interfaces = externalInterfaces();
  const family = isIPv6(peer) ? "IPv6" : isIPv4(peer) ? "IPv4" : undefined;
  for (const { address, cidr } of interfaces) {
    if (address === peer || inNetwork(peer, cidr)) return address;
  }
  return reachableHost(family);
}

function externalInterfaces(): Deno.NetworkInterfaceInfo[] {
  // Asked first, because without the permission the call itself would put a question to the user.
  if (!isGranted({ name: "sys", kind: "networkInterfaces" })) return [];
  return Deno.networkInterfaces().filter((it) =>
    !isLoopback(it.address) && !/^fe[89ab]|^169\.254\./i.test(it.address)
  );
}

/** Whether an IPv4 address lies in a network such as 10.1.0.0/16. */
function inNetwork(address: string, cidr: string): boolean {
  const [network, length] = cidr.split("/");
  if (!isIPv4(address) || !isIPv4(network)) return false;
  const bits = Number(length);
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  return ((ipv4Number(address) & mask) >>> 0) === ((ipv4Number(network) & mask) >>> 0);
}

function ipv4Number(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}
