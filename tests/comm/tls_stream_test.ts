/** Comms over TLS, by the tests of all streams. */
import { getAddressHostPort } from "../../comm/addresses.ts";
import { tlsSecurity } from "../support/certificates.ts";
import { Stranger } from "./pair.ts";
import { streamTests } from "./stream_tests.ts";

const security = (await tlsSecurity()).connection("worker");
const { ca, cert, key } = security.tls!;

// One that has a certificate, and then says what a stranger would.
streamTests({
  scheme: "tls",
  security,
  async stranger(address) {
    const [hostname, port] = getAddressHostPort(address);
    const options = { caCerts: [ca], cert, key, unsafelyDisableHostnameVerification: true };
    return new Stranger(await Deno.connectTls({ hostname, port, ...options }));
  },
  serve: () => Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key }),
});
