/** Comms over TCP, by the tests of all streams. */
import { Stranger } from "./pair.ts";
import { streamTests } from "./stream_tests.ts";

streamTests({
  scheme: "tcp",
  stranger: (address) => Stranger.connect(address),
  serve: () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
});
