/**
 * The `tcp` transport: comms over TCP sockets, IPv4 and IPv6.
 *
 * @module
 */
import { establish, type FreshConnection, type StreamKind } from "./establish.ts";
import { connectLocation, ipLocations } from "./ip_location.ts";
import { reach } from "./reach.ts";
import type { Knock } from "./silence_watch.ts";
import { type Acceptor, bindError, StreamListener } from "./stream_listener.ts";
import type {
  Backend,
  Comm,
  CommHandler,
  ConnectOptions,
  Listener,
  ListenOptions,
} from "./transport.ts";

const kind: StreamKind = { scheme: "tcp", isEncrypted: false };

/** A TCP connection before anything is said on it. */
function fresh(conn: Deno.TcpConn, knock?: Knock): FreshConnection {
  return {
    local: conn.localAddr,
    peer: conn.remoteAddr,
    open() {
      conn.setNoDelay(true);
      conn.setKeepAlive(true);
      return { stream: conn };
    },
    close: () => conn.close(),
    knock,
  };
}

// deno-lint-ignore require-await -- async makes what it throws a rejection
async function bind(hostname: string, port: number): Promise<Acceptor> {
  let socket: Deno.TcpListener;
  try {
    socket = Deno.listen({ hostname, port });
  } catch (error) {
    throw bindError(kind.scheme, hostname, port, error);
  }
  return {
    local: socket.addr,
    accept: async () => fresh(await socket.accept()),
    close: () => socket.close(),
  };
}

/** The back end of `tcp://`. */
export const tcpBackend: Backend = {
  ...ipLocations(kind.scheme),

  async connect(location: string, options: ConnectOptions): Promise<Comm> {
    const { host: hostname, port } = connectLocation(kind.scheme, location);
    const open = (signal?: AbortSignal) => Deno.connect({ hostname, port, signal });
    const conn = await reach(`${kind.scheme}://${location}`, options, open);
    return establish(fresh(conn, open), options, {
      ...kind,
      side: "connector",
      signal: options.signal,
    });
  },

  listen(location: string, handleComm: CommHandler, options: ListenOptions): Listener {
    return new StreamListener({ ...kind, bind }, location, handleComm, options);
  },
};
