/** Connections to a machine that is cut off, in a network of the test's own. */
import assert from "node:assert/strict";
import { connect } from "../../comm/comm.ts";
import { Security } from "../../comm/security.ts";
import { CommClosedError } from "../../comm/transport.ts";

/** Another machine, as far as the network goes: a namespace, behind a cable of its own. */
class OtherMachine implements Disposable {
  readonly #name = `dusk${Deno.pid}`;
  readonly #cable = `dk${Deno.pid}`;
  /** Its address, and this machine's on the cable. */
  readonly host = "10.83.61.2";

  constructor() {
    ip(`netns add ${this.#name}`);
    try {
      ip(`link add ${this.#cable}a type veth peer name ${this.#cable}b netns ${this.#name}`);
      ip(`addr add 10.83.61.1/24 dev ${this.#cable}a`);
      ip(`link set ${this.#cable}a up`);
      ip(`-n ${this.#name} addr add ${this.host}/24 dev ${this.#cable}b`);
      ip(`-n ${this.#name} link set ${this.#cable}b up`);
    } catch (error) {
      ip(`netns del ${this.#name}`); // and the cable with it
      throw error;
    }
  }

  /** Starts a program there. */
  run(args: string[]): Deno.ChildProcess {
    return new Deno.Command("ip", {
      args: ["netns", "exec", this.#name, Deno.execPath(), ...args],
      stdin: "piped",
      stdout: "piped",
    }).spawn();
  }

  /** Pulls the plug: nothing comes from there any more, and nobody is told. */
  vanish(): void {
    ip(`-n ${this.#name} link set ${this.#cable}b down`);
  }

  [Symbol.dispose](): void {
    try {
      ip(`link del ${this.#cable}a`); // both ends of it
    } finally {
      ip(`netns del ${this.#name}`);
    }
  }
}

function ip(words: string): void {
  const { success, stderr } = new Deno.Command("ip", { args: words.split(" ") }).outputSync();
  if (!success) throw new Error(`ip ${words}: ${new TextDecoder().decode(stderr)}`);
}

/** Whether this machine lets us make namespaces. */
function canMakeNamespaces(): boolean {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  try {
    new OtherMachine()[Symbol.dispose]();
    return true;
  } catch (error) {
    console.warn(`Left out the test of a machine that vanishes: ${(error as Error).message}`);
    return false;
  }
}

Deno.test({
  name: "a connection to a machine that vanishes is closed, though nothing is sent on it",
  ignore: !canMakeNamespaces(),
  fn: async () => {
    using machine = new OtherMachine();
    const program = new URL("fixtures/greeting_server.ts", import.meta.url).pathname;
    const address = `tcp://${machine.host}:7123`;
    const server = machine.run(["run", "-A", "--no-lock", "--quiet", program, address]);
    try {
      const security = new Security({ insecure: true }).connection("client");
      const comm = await connect(address, { timeout: 60, tcpTimeout: 1, security });
      assert.equal(await comm.read(), "hello");
      machine.vanish();
      await assert.rejects(comm.read(), (error: unknown) => {
        assert(error instanceof CommClosedError);
        assert.match(error.message, /ended: its machine has not answered for 1 s/);
        return true;
      });
    } finally {
      await server.stdin.close();
      await server.stdout.cancel();
      await server.status;
    }
  },
});
