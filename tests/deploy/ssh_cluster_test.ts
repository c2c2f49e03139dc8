/**
 * SSHCluster over a real sshd on loopback addresses. In place of the programs there are shell scripts
 * that print what the programs print; `tests/cli/ssh_compiled_test.ts` has the programs themselves.
 */
import assert from "node:assert/strict";
import {
  SSHCluster,
  SSHClusterError,
  type SSHClusterOptions,
  type SSHReport,
} from "../../deploy/ssh_cluster.ts";
import { NoSSHError } from "../../deploy/ssh/ssh_command.ts";
import { isRunning } from "../support/popen.ts";
import { descendants, kill, sshdPath, type SshLab, sshLab } from "../support/sshd.ts";
import { until } from "../support/until.ts";

if (sshdPath === undefined) {
  console.warn("Clusters over ssh are not tested: there is no sshd (Debian's openssh-server).");
}

const scheduler = "echo Scheduler started at tcp://127.0.0.1:4711\nexec cat >/dev/null";
const worker = 'echo "flags $*"\necho Registered with: tcp\nexec cat >/dev/null';

interface Lab extends SshLab {
  reports: SSHReport[];
  /** Options of a cluster on both hosts. */
  options: SSHClusterOptions;
  /** Put a shell script in the place of a program. */
  program(name: string, script: string): Promise<void>;
}

/** A test on two machines, alpha and beta. */
function testOnHosts(name: string, body: (lab: Lab) => Promise<void>): void {
  Deno.test({
    name,
    ignore: sshdPath === undefined,
    async fn() {
      await using lab = await sshLab("alpha", "beta");
      const reports: SSHReport[] = [];
      const program = (name: string, script: string) =>
        Deno.writeTextFile(`${lab.folder}/${name}`, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      await program("dusk-scheduler", scheduler);
      await program("dusk-worker", worker);
      await body({
        ...lab,
        reports,
        program,
        options: {
          hosts: ["alpha", "beta"],
          sshConfig: lab.config,
          remoteWorker: `${lab.folder}/dusk-worker`,
          onReport: (report) => reports.push(report),
        },
      });
      for (const host of lab.hosts) {
        await until("nothing to run on the hosts", () => host.processes().length === 0);
      }
    },
  });
}

/** What was told of the hosts themselves. */
function told(reports: SSHReport[]): string[] {
  return reports.filter(({ kind }) => kind === "status" || kind === "failure")
    .map(({ host, line }) => `${host} ${line}`);
}

function statuses(cluster: SSHCluster): string[] {
  return cluster.hosts.map(({ name, status }) => `${name} ${status}`);
}

testOnHosts(
  "a cluster comes up on its hosts and leaves nothing on them",
  async ({ options, reports }) => {
    const token = "a-secret-of-the-test";
    await using cluster = await SSHCluster.create({ ...options, token, nthreads: 3, nprocs: 2 });
    assert.equal(cluster.schedulerAddress, "tcp://127.0.0.1:4711");
    assert.equal(cluster.security.options.token, token);
    assert.equal(String(cluster), 'SSHCluster("tcp://127.0.0.1:4711", hosts=2)');
    assert.deepEqual(statuses(cluster), ["alpha running", "beta running"]);
    assert.deepEqual(told(reports).sort(), ["alpha is up", "beta is up"]);
    const flags = reports.filter(({ line }) => line.startsWith("flags"))
      .map(({ host, line }) => `${host} ${line}`).sort();
    assert.match(
      flags[1],
      /^beta flags tcp:\/\/127\.0\.0\.1:4711 --name beta --host 127\.0\.0\.2 --nthreads 3 --nprocs 2 /,
    );
    assert.ok(!JSON.stringify(reports).includes(token));
    await cluster.close();
    assert.equal(cluster.failure, undefined);
  },
);

testOnHosts("each cluster has a token of its own", async ({ options }) => {
  await using one = await SSHCluster.create({ ...options, hosts: ["alpha"] });
  await using two = await SSHCluster.create({ ...options, hosts: ["beta"], bindHosts: false });
  const tokens = [one, two].map(({ security }) => security.options.token!);
  assert.ok(tokens.every((token) => token.length >= 32));
  assert.notEqual(tokens[0], tokens[1]);
});

testOnHosts("the scheduler can have a host to itself", async ({ options, reports, program }) => {
  await program("dusk-scheduler", `echo "flags $*"\n${scheduler}`);
  await using cluster = await SSHCluster.create({
    ...options,
    hosts: ["beta"],
    scheduler: "alpha",
    schedulerPort: 0,
    bindHosts: false,
    memoryLimit: "1 GB",
    localDirectory: "/a b",
    workerFlags: ["--allow-read=/x y"],
    schedulerFlags: ["--validate"],
  });
  assert.deepEqual(statuses(cluster), ["beta running"]);
  const flags = reports.filter(({ line }) => line.startsWith("flags"))
    .map(({ host, line }) => `${host} ${line}`);
  assert.equal(flags.length, 2);
  assert.match(flags[0], /^alpha flags --host 127.0.0.1 --port 0 --validate --lifeline 60 /);
  assert.match(
    flags[1],
    /^beta flags tcp:\S+ --name beta --memory-limit 1 GB --local-directory \/a b --allow-read=\/x y /,
  );
});

testOnHosts(
  "a host that dies is told of, and the others go on",
  async ({ options, reports, hosts }) => {
    await using cluster = await SSHCluster.create(options);
    for (const pid of hosts[1].processes()) kill(pid);
    await until("the loss", () => cluster.hosts[1].status === "lost");
    assert.deepEqual(statuses(cluster), ["alpha running", "beta lost"]);
    assert.match(told(reports).at(-1)!, /^beta is lost: the connection to it is lost$/);
    assert.equal(cluster.failure, undefined);
  },
);

testOnHosts(
  "a worker that leaves in good order is no loss",
  async ({ options, reports, program }) => {
    await program(
      "dusk-worker",
      'echo Registered with: tcp\ncase "$*" in *beta*) exit 0;; esac\nexec cat >/dev/null',
    );
    await using cluster = await SSHCluster.create(options);
    await until("it to leave", () => cluster.hosts[1].status === "left");
    assert.ok(told(reports).includes("beta has left"));
  },
);

testOnHosts("a scheduler that dies ends the cluster", async ({ options, program, folder }) => {
  await program(
    "dusk-scheduler",
    `echo $$ >${folder}/pid\necho Scheduler started at tcp://127.0.0.1:4711\nexec cat >/dev/null`,
  );
  await using cluster = await SSHCluster.create(options);
  kill(Number(await Deno.readTextFile(`${folder}/pid`)));
  await cluster.finished;
  assert.match(cluster.failure!.message, /^the scheduler is gone: alpha: /);
});

testOnHosts("a cluster without workers is over", async ({ options, program }) => {
  const die = "echo Registered with: tcp\nIFS= read -r line\necho out of luck >&2\nexit 3";
  await program("dusk-worker", die);
  await using cluster = await SSHCluster.create({ ...options, lostAfter: 1 });
  await cluster.finished;
  assert.match(
    cluster.failure!.message,
    /^no worker is left: alpha: its dusk-worker ended with code 3: out of luck; beta: its dusk-worker/,
  );
});

testOnHosts("a scheduler that does not come up is the failure", async ({ options, program }) => {
  await program("dusk-scheduler", "echo port 8786 is taken >&2\nexit 1");
  await assert.rejects(SSHCluster.create(options), (error: Error) => {
    assert.ok(error instanceof SSHClusterError);
    assert.match(
      error.message,
      /^no scheduler: alpha: its dusk-scheduler ended with code 1: port 8786 is taken$/,
    );
    return true;
  });
  await program("dusk-scheduler", "exec cat >/dev/null");
  await assert.rejects(
    SSHCluster.create({ ...options, startTimeout: 1 }),
    /no scheduler: alpha: its dusk-scheduler did not come up within 1 s/,
  );
});

testOnHosts(
  "programs that are not there are missed by name, with the remedy",
  async ({ options }) => {
    await assert.rejects(
      SSHCluster.create({ ...options, remoteScheduler: "/nonexistent/dusk-scheduler" }),
      /alpha: it has no \/nonexistent\/dusk-scheduler: .*--remote-dusk-scheduler PATH, or --copy/,
    );
    await assert.rejects(
      SSHCluster.create({
        ...options,
        remoteScheduler: options.remoteWorker!.replace(/[^/]*$/, "dusk-scheduler"),
        remoteWorker: "/nonexistent/dusk-worker",
      }),
      /no worker came up: alpha: it has no \/nonexistent\/dusk-worker: .*; beta: /,
    );
  },
);

testOnHosts("what ssh refuses comes in one sentence with the remedy", async (lab) => {
  const { options, folder, config, hosts } = lab;
  const known = await Deno.readTextFile(`${folder}/known_hosts`);
  const onHost = (more: Partial<SSHClusterOptions> = {}) =>
    SSHCluster.create({ ...options, hosts: ["alpha"], ...more });

  await Deno.writeTextFile(`${folder}/known_hosts`, "");
  await assert.rejects(
    onHost(),
    /alpha: its host key is not known here: log in once with "ssh alpha"/,
  );
  const other = (await Deno.readTextFile(`${folder}/key.pub`)).split(" ", 2).join(" ");
  await Deno.writeTextFile(`${folder}/known_hosts`, `[127.0.0.1]:${hosts[0].port} ${other}\n`);
  await assert.rejects(onHost(), /alpha: its host key is not the one that this machine knows/);
  await Deno.writeTextFile(`${folder}/known_hosts`, known);

  await assert.rejects(onHost({ privateKey: `${folder}/host_key`, sshConfig: `${folder}/bare` }), {
    name: "NoSSHError",
    message: /bare/,
  });
  const text = await Deno.readTextFile(config);
  await Deno.writeTextFile(`${folder}/bare`, text.replace(/^ *IdentityFile.*$/m, ""));
  await assert.rejects(
    onHost({ privateKey: `${folder}/host_key`, sshConfig: `${folder}/bare` }),
    /alpha: it lets nobody in by the keys that ssh has: .*--ssh-private-key/,
  );
  await assert.rejects(onHost({ hosts: ["alpha:1"] }), /alpha:1: nothing listens there for ssh/);
  await assert.rejects(
    onHost({ hosts: ["nowhere.invalid"] }),
    /nowhere.invalid: there is no host of this name/,
  );
  await assert.rejects(onHost({ ssh: "/nonexistent/ssh" }), (error: Error) => {
    assert.ok(error instanceof NoSSHError);
    assert.match(error.message, /there is no \/nonexistent\/ssh on this machine: install OpenSSH/);
    return true;
  });
});

testOnHosts("a start can be given up", async ({ options, program, hosts }) => {
  await program("dusk-scheduler", "exec cat >/dev/null");
  const abort = new AbortController();
  const start = SSHCluster.create(options, abort.signal);
  await until("the scheduler to run", () => hosts[0].processes().length > 0);
  abort.abort(new Error("given up"));
  await assert.rejects(start, /given up/);
});

testOnHosts(
  "the programs notice that nobody is there any more",
  async ({ options, hosts, folder }) => {
    // What the user's program is killed by takes ssh along at most; here only ssh itself is killed.
    await using cluster = await SSHCluster.create(options);
    const pids = hosts.flatMap((host) => host.processes());
    assert.ok(pids.length >= 3);
    const calls = descendants(Deno.pid).filter((pid) => {
      const words = Deno.readTextFileSync(`/proc/${pid}/cmdline`).split("\0");
      return /(^|\/)ssh$/.test(words[0]) && words.includes(`${folder}/config`);
    });
    assert.equal(calls.length, 3);
    for (const pid of calls) kill(pid);
    await cluster.finished;
    assert.match(
      cluster.failure!.message,
      /alpha: the connection to it is lost: its ssh was ended/,
    );
    await until("the programs to end", () => !pids.some(isRunning));
  },
);

testOnHosts(
  "binaries are copied to hosts that do not have them",
  async ({ options, reports, folder }) => {
    // A shell runs what begins like a program for this machine, and is not, as a script.
    const target = Deno.build.arch === "x86_64" ? 0x3e : 0xb7;
    const binaries = `${folder}/binaries`;
    await Deno.mkdir(binaries);
    const header = new Uint8Array(3_000_000);
    header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    header[18] = target;
    for (const name of ["dusk-scheduler", "dusk-worker"]) {
      await Deno.writeFile(`${binaries}/${name}`, header);
    }
    const copying: SSHClusterOptions = {
      ...options,
      remoteWorker: undefined,
      copy: true,
      binaries,
      remoteDirectory: `${folder}/an 'odd' folder`,
    };
    // They are no real programs: what counts is that they are there.
    await assert.rejects(
      SSHCluster.create(copying),
      /no scheduler: alpha: it cannot run .*: .*; --copy brings the right one for its system/,
    );
    const there = await Deno.readFile(`${folder}/an 'odd' folder/dusk-worker`);
    assert.deepEqual(there, header);
    const names = [...Deno.readDirSync(`${folder}/an 'odd' folder`)].map(({ name }) => name).sort();
    assert.deepEqual(names, ["dusk-scheduler", "dusk-worker"]);
    assert.ok(told(reports).includes(`alpha copying ${binaries}/dusk-scheduler`));

    reports.length = 0;
    await assert.rejects(SSHCluster.create(copying), SSHClusterError);
    assert.deepEqual(told(reports), [], "what is there already was copied again");

    await Deno.remove(`${binaries}/dusk-worker`);
    await assert.rejects(
      SSHCluster.create(copying),
      /alpha: .*binaries has no dusk-worker for \w+-unknown-linux-gnu: put .*--binaries/,
    );
    await Deno.writeFile(`${binaries}/dusk-worker`, header);
    await assert.rejects(
      SSHCluster.create({ ...copying, remoteDirectory: "/dev/null/dusk" }),
      /alpha: cannot write to '\/dev\/null\/dusk'.*--remote-directory/,
    );
  },
);

Deno.test("options of a cluster over ssh are checked before anything is started", async () => {
  for (
    const [options, words] of [
      [{ hosts: [] }, /needs hosts/],
      [{}, /needs hosts/],
      [{ hosts: ["a"], nthread: 2 }, /no option "nthread"; there are/],
      [{ hosts: ["a"], nthreads: 0 }, /nthreads .* whole number of at least 1, got 0/],
      [{ hosts: ["a"], schedulerPort: 70_000 }, /schedulerPort .* from 0 to 65535/],
      [{ hosts: "a" }, /hosts .* a list of texts, got "a"/],
      [{ hosts: ["a"], copy: "yes" }, /copy .* true or false/],
      [{ hosts: ["a"], copy: true, remoteWorker: "/x" }, /copy does not go with remoteWorker/],
      [{ hosts: ["a", "a"] }, /the host "a" is there twice/],
      [{ hosts: ["a"], token: "short" }, /token has 5 characters/],
      [{ hosts: ["a"], lostAfter: 0 }, /lostAfter .* seconds from 1/],
    ] as [SSHClusterOptions, RegExp][]
  ) {
    await assert.rejects(SSHCluster.create(options), words);
  }
});
