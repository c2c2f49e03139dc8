/** Machines that are gone without a word. */
import assert from "node:assert/strict";
import { type Knock, SilenceWatch, UnresponsiveError } from "../../comm/silence_watch.ts";
import { StreamComm } from "../../comm/stream_comm.ts";
import { CommClosedError } from "../../comm/transport.ts";
import { DEFAULT_FRAME_LIMITS, FrameReader } from "../../protocol/frames.ts";

/** Short, so that the tests are; nothing below depends on how short. */
const seconds = 0.1;

const nobody: Knock = (signal) =>
  new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));

function failing(code: string): Knock {
  return () => Promise.reject(Object.assign(new Error(code), { code }));
}

let places = 0;

/** Watches a place of its own until the peer is gone or the knocks are over. */
function watching(knock: Knock): { watch: SilenceWatch; gone: Promise<Error> } {
  const watch = new SilenceWatch(`tcp://10.0.0.${places++}:1`, seconds, knock);
  return { watch, gone: new Promise((resolve) => watch.start(resolve)) };
}

/** Lets through so many knocks, then resolves. */
function counted(knocks: number, knock: Knock): { knock: Knock; enough: Promise<void> } {
  const { promise: enough, resolve } = Promise.withResolvers<void>();
  let count = 0;
  return {
    enough,
    knock: (signal) => {
      if (++count === knocks) resolve();
      return knock(signal);
    },
  };
}

/** Tells when nobody is being asked any more. */
function settling(knock: Knock): { knock: Knock; settled: () => Promise<unknown> } {
  const asked: Promise<unknown>[] = [];
  return {
    settled: () => awake(Promise.allSettled(asked)),
    knock: (signal) => {
      const answer = knock(signal);
      asked.push(answer);
      return answer;
    },
  };
}

/** Keeps the program alive: the timers of a watch do not. */
async function awake<T>(work: Promise<T>): Promise<T> {
  const timer = setInterval(() => {}, 1000);
  try {
    return await work;
  } finally {
    clearInterval(timer);
  }
}

Deno.test("a machine from which nothing comes back is gone", async () => {
  for (const knock of [nobody, failing("EHOSTUNREACH"), failing("ETIMEDOUT")]) {
    const error = await awake(watching(knock).gone);
    assert(error instanceof UnresponsiveError);
    assert.equal(error.message, "its machine has not answered for 0.1 s");
  }
});

Deno.test("one that takes or refuses connections is there, however long it says nothing", async () => {
  let closed = 0;
  const taken: Knock = () => Promise.resolve({ close: () => closed++ });
  for (const answer of [taken, failing("ECONNREFUSED"), failing("EMFILE")]) {
    const { knock, enough } = counted(4, answer);
    const { watch, gone } = watching(knock);
    const first = await awake(Promise.race([gone, enough]));
    watch.stop();
    assert.equal(first, undefined);
  }
  assert(closed >= 3);
});

Deno.test("nobody is asked as long as something comes", async () => {
  let asked = 0;
  const ask: Knock = () => (asked++, nobody(AbortSignal.abort()));
  const watch = new SilenceWatch("tcp://b:1", 4 * seconds, ask);
  watch.start(() => assert.fail("gone"));
  for (let i = 0; i < 40; i++) {
    watch.heard();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000 / 4));
  }
  watch.stop();
  assert.equal(asked, 0);
});

Deno.test("connections to one place ask together", async () => {
  let open = 0;
  let most = 0;
  const { knock: ask, enough } = counted(3, async () => {
    most = Math.max(most, ++open);
    await new Promise((resolve) => setTimeout(resolve, 5));
    open--;
    return { close() {} };
  });
  const { knock, settled } = settling(ask);
  const watches = Array.from({ length: 10 }, () => new SilenceWatch("tcp://a:1", seconds, knock));
  for (const watch of watches) watch.start(() => assert.fail("gone"));
  await awake(enough);
  for (const watch of watches) watch.stop();
  await settled();
  assert.equal(most, 1);
});

Deno.test("a comm ends when its peer's machine is gone, and says why", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const [conn, peer] = await Promise.all([
    Deno.connect({ hostname: "127.0.0.1", port }),
    listener.accept(),
  ]);
  const { knock, settled } = settling(nobody);
  const comm = new StreamComm({
    stream: conn,
    reader: new FrameReader(conn, DEFAULT_FRAME_LIMITS),
    localAddress: "tcp://127.0.0.1:1",
    peerAddress: "tcp://10.0.0.1:1",
    compression: null,
    closeTimeout: 1,
    watch: new SilenceWatch("tcp://10.0.0.1:1", seconds, knock),
  });
  await assert.rejects(comm.read(), (error: unknown) => {
    assert(error instanceof CommClosedError);
    assert.match(error.message, /ended: its machine has not answered for 0\.1 s/);
    return true;
  });
  assert(comm.closed);
  peer.close();
  await settled();
});
