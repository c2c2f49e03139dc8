/** Schemes of users, and schemes that nobody knows. */
import assert from "node:assert/strict";
import { type Comm, connect, ConnectTimeoutError, listen, type Listener } from "../../comm/comm.ts";
import { getAddressHost, getAddressHostPort, resolveAddress } from "../../comm/addresses.ts";
import { AddressError } from "../../comm/addresses.ts";
import { getBackend, registerBackend } from "../../comm/registry.ts";
import { Server } from "../../comm/server.ts";
import { rpc } from "../../comm/rpc.ts";
import { openPair, until } from "./pair.ts";
import type { Backend, CommHandler, ConnectOptions, ListenOptions } from "../../comm/comm.ts";

/** A scheme of a user: names in place of numbers, carried by inproc. */
class NamedBackend implements Backend {
  readonly #names = new Map<string, Listener>();
  readonly #inproc = getBackend("inproc");

  connect(name: string, options: ConnectOptions) {
    const listener = this.#names.get(name);
    if (listener === undefined) throw new TypeError(`nobody is called ${name}`);
    return this.#inproc.connect(listener.listenAddress.slice("inproc://".length), options);
  }

  listen(name: string, handleComm: CommHandler, options: ListenOptions): Listener {
    const listener = this.#inproc.listen("", handleComm, options);
    const names = this.#names;
    return {
      start() {
        names.set(name, listener);
        return listener.start();
      },
      stop() {
        names.delete(name);
        listener.stop();
      },
      listenAddress: `named://${name}`,
      contactAddress: `named://${name}`,
    };
  }

  getAddressHost = (name: string) => `host-of-${name}`;
  getLocalAddressFor = () => "me";
  resolveAddress = (name: string) => Promise.resolve(name.toLowerCase());
}

Deno.test("a user's scheme works for comms, servers and rpc", async () => {
  registerBackend("named", new NamedBackend());
  const server = new Server({ handlers: { add: (_comm, { x, y }) => x + y } });
  await server.listen("named://alice");
  assert.equal(server.address, "named://alice");
  const remote = rpc("named://alice");
  assert.equal(await remote.add({ x: 1, y: 2 }), 3);
  await remote.closeComms();
  await server.close();
  await assert.rejects(connect("named://alice"), /nobody is called alice/);
  assert.equal(getAddressHost("named://alice"), "host-of-alice");
  assert.equal(await resolveAddress("named://ALICE"), "named://alice");
  assert.throws(() => getAddressHostPort("named://alice"), AddressError);
});

Deno.test("connect keeps to its timeout with a transport that takes no notice of it", async () => {
  const late = Promise.withResolvers<Comm>();
  registerBackend("deaf", { ...getBackend("inproc"), connect: () => late.promise });
  await assert.rejects(connect("deaf://x", { timeout: 0.01 }), ConnectTimeoutError);
  // The comm that comes too late is not left open.
  await using pair = await openPair("inproc://");
  late.resolve(pair.here);
  await until(() => pair.here.closed);
});

Deno.test("an unknown scheme is one clear error that names the known ones", async () => {
  await assert.rejects(connect("gopher://hole"), /unknown scheme "gopher:\/\/".*inproc.*tcp/);
  assert.throws(() => listen("gopher://hole", () => {}), AddressError);
});

Deno.test("a scheme must have the form of one", () => {
  for (const scheme of ["", "Named", "1st", "na med", "named:"]) {
    assert.throws(() => registerBackend(scheme, new NamedBackend()), AddressError);
  }
});
