/**
 * {@linkcode rpc}: a remote server as an object, with comms of its own.
 *
 * @module
 */
import type { CommOptions } from "./comm.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { makeRemote, type Remote } from "./remote.ts";

export {
  type CallOptions,
  CallTimeoutError,
  type Remote,
  type RemoteCall,
  RemoteError,
} from "./remote.ts";

/**
 * Gives the server at an address as an object whose methods are the server's operations. Calls may
 * overlap; comms are opened as needed and kept until `closeComms`.
 *
 * @param address The server.
 * @param options Options for connecting.
 * @returns The object.
 *
 * @example
 * ```ts ignore
 * const remote = rpc("tcp://127.0.0.1:8888");
 * console.log(await remote.add({ x: 1, y: 2 })); // 3
 * await remote.closeComms();
 * ```
 */
export function rpc(address: string, options: CommOptions = {}): Remote {
  const pool = new ConnectionPool({ connect: options });
  return makeRemote(
    (op, args, callOptions) => pool.call(address, op, args, callOptions),
    () => pool.closeComms(),
  );
}
