/**
 * Two machines on one: network namespaces with a cable between them, for tests of what a stranger from
 * another machine may do. Takes Linux, root and `ip`.
 */
import { Program } from "./popen.ts";

/** The machines. */
export interface TwoMachines extends AsyncDisposable {
  /** Their IP addresses. */
  readonly hosts: readonly [string, string];
  /** Runs a Deno program on one of them; dispose of it to kill it. */
  run(machine: 0 | 1, script: string, ...args: string[]): Program;
}

/** Sets up two machines; undefined, after a warning, where that cannot be. */
export async function twoMachines(): Promise<TwoMachines | undefined> {
  // Not of the process id: files of tests that run at the same time share it.
  const id = crypto.randomUUID().slice(0, 8);
  const names = [`dusk-${id}-a`, `dusk-${id}-b`];
  const cables = [`dk${id}a`, `dk${id}b`];
  // Of the range for tests of networks (RFC 2544).
  const net = `198.18.${Deno.pid % 256}`;
  const hosts = [`${net}.1`, `${net}.2`] as const;
  const remove = async () => {
    for (const name of names) await ip("netns", "del", name);
  };
  try {
    for (const name of names) await must("netns", "add", name);
    await must("link", "add", cables[0], "type", "veth", "peer", "name", cables[1]);
    for (let i = 0; i < 2; i++) {
      await must("link", "set", cables[i], "netns", names[i]);
      await must("-n", names[i], "addr", "add", `${hosts[i]}/24`, "dev", cables[i]);
      await must("-n", names[i], "link", "set", cables[i], "up");
      await must("-n", names[i], "link", "set", "lo", "up");
    }
  } catch (error) {
    await remove();
    console.warn(`Skipped: no network namespaces here (${(error as Error).message})`);
    return undefined;
  }
  return {
    hosts,
    run(machine, script, ...args) {
      const deno = [Deno.execPath(), "run", "-A", "--no-check", script, ...args];
      return new Program("ip", ["netns", "exec", names[machine], ...deno]);
    },
    [Symbol.asyncDispose]: remove,
  };
}

async function ip(...args: string[]): Promise<{ success: boolean; words: string }> {
  try {
    const { success, stderr } = await new Deno.Command("ip", { args, stderr: "piped" }).output();
    return { success, words: new TextDecoder().decode(stderr).trim() };
  } catch (error) {
    return { success: false, words: (error as Error).message };
  }
}

async function must(...args: string[]): Promise<void> {
  const { success, words } = await ip(...args);
  if (!success) throw new Error(`ip ${args.join(" ")}: ${words}`);
}
