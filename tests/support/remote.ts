/** A cluster with a `dusk-remote`, for tests of submitted scripts. */
import { popen, type Program } from "./popen.ts";
import { outcome } from "./programs.ts";

/** How programs are started, such as from source. */
export type Start = (program: string, args: string[], options?: Deno.CommandOptions) => Program;

/** A cluster with a remote. */
export interface RemoteCluster {
  folder: string;
  /** File with its token. */
  token: string;
  remote: Program;
  /** Address of the remote. */
  address: string;
  schedulerAddress: string;
}

/** The scripts that tests submit. */
export const scripts: string = new URL("../cli/fixtures/submit/", import.meta.url).pathname;

/**
 * Run `body` with a scheduler, a worker and a remote, all with one token.
 *
 * @param flags More flags of the remote.
 * @param body Gets the cluster.
 * @param start How the remote is started. Default: from source.
 */
export async function withRemote(
  flags: string[],
  body: (cluster: RemoteCluster) => Promise<void>,
  start: Start = popen,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "dusk-remote-test-" });
  try {
    const token = `${folder}/token`;
    Deno.writeTextFileSync(token, crypto.randomUUID());
    const common = ["--token-file", token];
    const local = ["--host", "127.0.0.1", "--port", "0", ...common];
    await using scheduler = popen("scheduler", local);
    const [, schedulerAddress] = await scheduler.printed(/Scheduler started at (\S+)/);
    const workerFlags = [schedulerAddress, "--nthreads", "1", "--no-nanny", ...common];
    await using worker = popen("worker", workerFlags);
    await worker.printed(/Registered with/);
    const remoteFlags = [...local, "--scheduler", schedulerAddress, ...flags];
    await using remote = start("remote", remoteFlags);
    const [, address] = await remote.printed(/Remote started at (\S+)/);
    await body({ folder, token, remote, address, schedulerAddress });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Submit a script from source, and wait for its end. */
export function submit(
  { token, address }: Pick<RemoteCluster, "token" | "address">,
  script: string,
  args: string[] = [],
  flags: string[] = [],
): Promise<{ code: number; stdout: string; stderr: string }> {
  const path = script.includes("/") ? script : scripts + script;
  return outcome("submit", ["--token-file", token, ...flags, address, path, ...args]);
}
