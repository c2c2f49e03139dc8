/**
 * Client: a program's way to a cluster.
 *
 * @module
 */
import { stays } from "../protocol/functions/staying_classes.ts";
import { BaseClient, clientStays } from "./base_client.ts";
import { type ClientOptions, type ClusterLike, openConnection } from "./connect.ts";
import { noOptions } from "./task_options.ts";

export { BaseClient } from "./base_client.ts";
export type { ClientOptions, ClusterLike } from "./connect.ts";
export type {
  FutureInfo,
  GatherOptions,
  NbytesOptions,
  RetireOptions,
  SchedulerInfo,
  WorkerInfo,
} from "./facts.ts";
export type { FailedTask } from "./replay.ts";

/**
 * A client of a cluster: submits functions, moves data, waits for results.
 *
 * @example
 * ```ts
 * await using client = await Client.connect();
 * const square = (x: number) => x ** 2;
 * const neg = (x: number) => -x;
 * const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
 *
 * const a = client.map(square, Array.from({ length: 10 }, (_, i) => i));
 * const b = client.map(neg, a);
 * const total = client.submit(sum, b);
 * console.log(await total.result()); // -285
 * ```
 */
export class Client extends BaseClient {
  /**
   * Connect to a cluster.
   *
   * @param cluster Address of a scheduler such as `"127.0.0.1:8786"`, or a cluster. By default a
   * `LocalCluster` in this process is started, and closed with the client. Options can stand here, too:
   * `Client.connect({ schedulerFile: "/shared/scheduler.json" })`.
   * @param options See {@linkcode ClientOptions}.
   * @returns The client, connected.
   * @throws {OptionError} When an option is wrong.
   * @throws {AddressError} When the address is malformed.
   * @throws {ConnectTimeoutError} When there is no scheduler at the address.
   * @throws {SchedulerFileError} When there is no scheduler file within the timeout, or it is none.
   */
  static async connect(
    cluster?: string | ClusterLike | ClientOptions,
    options?: ClientOptions,
  ): Promise<Client> {
    return new Client(await openConnection(cluster, options), noOptions);
  }
}

stays(Client, clientStays);
