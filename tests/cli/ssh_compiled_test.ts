/**
 * dusk-ssh as a compiled program, on two hosts with a real sshd each: it brings the other programs there,
 * runs a cluster, and leaves nothing behind, however it ends.
 */
import assert from "node:assert/strict";
import { Client } from "../../client/client.ts";
import { SSHCluster } from "../../deploy/ssh_cluster.ts";
import { waitForSchedulerFile } from "../../config/scheduler_file.ts";
import { compiledFolder } from "../support/compiled.ts";
import { Program } from "../support/popen.ts";
import { allGone } from "../support/process_tree.ts";
import { descendants, kill, sshdPath, type SshLab, sshLab } from "../support/sshd.ts";
import { until } from "../support/until.ts";

/** A test of dusk-ssh, which is started with hosts alpha and beta and a folder for the copies. */
function testOnHosts(
  name: string,
  body: (lab: SshLab, start: (...args: string[]) => Program) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: compiledFolder === undefined || sshdPath === undefined,
    async fn() {
      await using lab = await sshLab("alpha", "beta");
      const start = (...args: string[]) =>
        new Program(`${compiledFolder}/dusk-ssh`, [
          ...["alpha", "beta", "--ssh-config", lab.config, "--scheduler-port", "0"],
          ...["--nthreads", "1", "--scheduler-file", `${lab.folder}/scheduler.json`],
          ...["--remote-directory", `${lab.folder}/copies`, ...args],
        ]);
      await body(lab, start);
    },
  });
}

/** Flags for hosts that have the programs already. */
const inPlace = ["--remote-dusk-worker", `${compiledFolder}/dusk-worker`];

/** Connect as dusk-ssh says that clients do. */
async function connect(lab: SshLab): Promise<Client> {
  return await Client.connect({ schedulerFile: `${lab.folder}/scheduler.json` });
}

/** Ids of all processes of the cluster on its hosts. */
function processes({ hosts }: SshLab): number[] {
  return hosts.flatMap((host) => host.processes());
}

/** The program that a process runs. */
function commandOf(pid: number): string {
  return Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0")[0];
}

testOnHosts("a cluster over ssh runs a job and leaves nothing at Ctrl-C", async (lab, start) => {
  const log = `${lab.folder}/log`;
  await using program = start("--copy", "--nprocs", "2", "--log-directory", log);
  await program.printed(/Cluster started at tcp:\S+: 2 of 2 hosts are up/);
  assert.match(program.stdout, /dusk-ssh: beta copying \S+\/dusk-worker\n/);
  assert.match(program.stdout, /\n\[alpha scheduler\] Scheduler started at /);
  assert.match(program.stdout, /\n\[alpha\] Registered with/);
  assert.match(program.stdout, /\n\[beta\] Registered with/);

  const path = `${lab.folder}/scheduler.json`;
  assert.equal((await Deno.stat(path)).mode! & 0o777, 0o600);
  const { address, token } = await waitForSchedulerFile(path, { timeout: 1 });
  {
    await using client = await connect(lab);
    await client.waitForWorkers(4);
    const squares = client.map((x: number) => x ** 2, Array.from({ length: 100 }, (_, i) => i));
    const sum = client.submit((xs: number[]) => xs.reduce((a, b) => a + b, 0), squares);
    assert.equal(await sum.result(), 328_350);
    const on = (name: string) => client.with({ workers: [name] }).submit(() => 1).result();
    assert.equal(await on("alpha-0") + await on("beta-1"), 2);
  }
  await assert.rejects(Client.connect(address, { timeout: 5 }), /token/);

  const pids = processes(lab);
  for (const pid of pids) {
    for (const what of ["cmdline", "environ"]) {
      const text = await Deno.readTextFile(`/proc/${pid}/${what}`);
      assert.ok(!text.includes(token!), `the token is in the ${what} of a process`);
    }
  }
  program.kill("SIGINT");
  assert.equal((await program.status).code, 0, program.stderr);
  await allGone(pids);
  assert.match(program.stdout, /\n\[alpha scheduler\] Scheduler stopped\n/);
  assert.match(program.stdout, /Cluster stopped\n$/);
  assert.equal(program.stderr, "");
  await assert.rejects(Deno.stat(path), Deno.errors.NotFound);
  const logs = [...Deno.readDirSync(log)].map(({ name }) => name).sort();
  assert.deepEqual(logs, ["scheduler-alpha.log", "worker-alpha.log", "worker-beta.log"]);
  assert.match(await Deno.readTextFile(`${log}/worker-beta.log`), /^Registered with/m);
});

testOnHosts("programs on hosts end when dusk-ssh is killed", async (lab, start) => {
  await using program = start(...inPlace);
  await program.printed(/Cluster started/);
  // With the calls of ssh on this machine, which are in process groups of their own.
  const pids = [...processes(lab), ...descendants(program.pid)];
  assert.ok(pids.length >= 8);
  program.kill("SIGKILL");
  await allGone(pids);
});

testOnHosts("programs on hosts end when dusk-ssh is no longer heard", async (lab, start) => {
  await using program = start(...inPlace, "--lost-after", "2");
  await program.printed(/Cluster started/);
  const pids = processes(lab);
  program.kill("SIGSTOP");
  await allGone(pids);
  program.kill("SIGCONT");
  assert.equal((await program.status).code, 0, program.stderr);
});

testOnHosts("a host that dies is told of, and its tasks run on the others", async (lab, start) => {
  await using program = start(...inPlace);
  await program.printed(/Cluster started/);
  await using client = await connect(lab);
  await client.waitForWorkers(2);
  const slow = client.map(async (i: number) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return i;
  }, Array.from({ length: 100 }, (_, i) => i));
  await slow[0].result();
  for (const pid of lab.hosts[1].processes()) kill(pid);
  await program.printed(/dusk-ssh: beta is lost: the connection to it is lost/);
  assert.equal((await client.gather(slow)).length, 100);
  await until("the worker to be gone", async () => Object.keys(await client.ncores()).length === 1);

  // And without its scheduler the cluster is over.
  const pids = processes(lab);
  for (const pid of pids.filter((pid) => commandOf(pid).endsWith("/dusk-scheduler"))) kill(pid);
  assert.equal((await program.status).code, 1);
  assert.match(program.stderr, /\ndusk-ssh: the scheduler is gone: alpha: [^\n]+\n$/);
  await allGone(pids);
});

testOnHosts("a program starts a cluster over ssh by itself", async (lab) => {
  await using cluster = await SSHCluster.create({
    hosts: ["alpha", "beta"],
    sshConfig: lab.config,
    schedulerPort: 0,
    nthreads: 1,
    remoteWorker: `${compiledFolder}/dusk-worker`,
  });
  await using client = await Client.connect(cluster);
  await client.waitForWorkers(2);
  assert.equal(await client.submit((x: number) => x + 1, 1).result(), 2);
});
