/**
 * A machine to log in to: an sshd of the system's own on a loopback address, with keys made for the
 * test, and the ssh configuration that leads there. Nothing of the user's ssh is read or changed.
 */
import { Program } from "./popen.ts";

/** The system's sshd; undefined where it is not installed, or cannot serve several addresses. */
export const sshdPath: string | undefined = findSshd();

function findSshd(): string | undefined {
  if (Deno.build.os !== "linux") return undefined;
  return ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** A running sshd. */
export interface Sshd {
  /** Name of the host in the ssh configuration. */
  name: string;
  port: number;
  program: Program;
  /** Ids of the processes that run in sessions of this sshd now. */
  processes(): number[];
}

/** Machines with names, and the way to them. */
export interface SshLab extends AsyncDisposable {
  /** Path of the ssh configuration that knows the machines. */
  config: string;
  /** Path of the private key. */
  key: string;
  /** A folder that is removed at the end. */
  folder: string;
  hosts: Sshd[];
}

/**
 * Start an sshd for each name, on 127.0.0.1, 127.0.0.2, and so on.
 *
 * @param names Names of the hosts.
 */
export async function sshLab(...names: string[]): Promise<SshLab> {
  await using cleanup = new AsyncDisposableStack();
  const folder = await Deno.makeTempDir({ prefix: "dusk-sshd-" });
  cleanup.defer(() => Deno.remove(folder, { recursive: true }));
  // sshd run by root wants this folder, which the system makes when it starts its own sshd.
  if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true });
  await makeKey(`${folder}/host_key`);
  await makeKey(`${folder}/key`);
  const hostKey = (await Deno.readTextFile(`${folder}/host_key.pub`)).split(" ", 2).join(" ");

  const hosts: Sshd[] = [];
  let config = "";
  let known = "";
  for (const [index, name] of names.entries()) {
    const address = `127.0.0.${index + 1}`;
    const host = await startSshd(folder, name, address);
    cleanup.use(host.program);
    cleanup.defer(() => host.processes().forEach((pid) => kill(pid)));
    hosts.push(host);
    config += `Host ${name}\n  HostName ${address}\n  Port ${host.port}\n`;
    known += `[${address}]:${host.port} ${hostKey}\n`;
  }
  await Deno.writeTextFile(`${folder}/known_hosts`, known);
  await Deno.writeTextFile(
    `${folder}/config`,
    `${config}Host *\n  IdentityFile ${folder}/key\n  IdentitiesOnly yes\n` +
      `  UserKnownHostsFile ${folder}/known_hosts\n  GlobalKnownHostsFile none\n`,
  );
  const held = cleanup.move();
  return {
    config: `${folder}/config`,
    key: `${folder}/key`,
    folder,
    hosts,
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}

/** Send a signal by process id; a process that has ended does not mind. */
export function kill(pid: number, signal: Deno.Signal = "SIGKILL"): void {
  try {
    Deno.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Ids of the processes that descend from one, the nearest first. */
export function descendants(ancestor: number): number[] {
  const children = new Map<number, number[]>();
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    let stat: string;
    try {
      stat = Deno.readTextFileSync(`/proc/${name}/stat`);
    } catch {
      continue; // It has ended since the folder was read.
    }
    const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
    children.set(parent, [...children.get(parent) ?? [], Number(name)]);
  }
  const found = [...children.get(ancestor) ?? []];
  for (const pid of found) found.push(...children.get(pid) ?? []);
  return found;
}

async function startSshd(folder: string, name: string, address: string): Promise<Sshd> {
  const listener = Deno.listen({ hostname: address, port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const path = `${folder}/sshd_${name}`;
  await Deno.writeTextFile(
    path,
    `ListenAddress ${address}:${port}\nHostKey ${folder}/host_key\nPidFile none\n` +
      `AuthorizedKeysFile ${folder}/key.pub\nStrictModes no\nUsePAM no\n` +
      "PasswordAuthentication no\nKbdInteractiveAuthentication no\nMaxSessions 50\n",
  );
  const program = new Program(sshdPath!, ["-D", "-e", "-f", path]);
  await program.printed(/Server listening/);
  return { name, port, program, processes: () => descendants(program.pid) };
}

async function makeKey(path: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("ssh-keygen", {
    args: ["-q", "-t", "ed25519", "-N", "", "-f", path],
    stdin: "null",
  }).output();
  if (!success) throw new Error(`no key: ${new TextDecoder().decode(stderr)}`);
}
