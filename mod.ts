/**
 * Dusk: a graph of TypeScript and JavaScript tasks, on many cores and many machines.
 *
 * @example
 * ```ts
 * import { Client } from "./mod.ts";
 *
 * await using client = await Client.connect(); // starts a cluster in this program
 * const square = (x: number) => x ** 2;
 * const sum = (xs: number[]) => xs.reduce((a, b) => a + b, 0);
 *
 * const squares = client.map(square, [1, 2, 3]);
 * console.log(await client.submit(sum, squares).result()); // 14
 * ```
 *
 * @module
 */

// Clients and futures
export * from "./client/client.ts";
export { AsCompleted, asCompleted, type AsCompletedOptions } from "./client/as_completed.ts";
export { TimeoutError } from "./client/deadline.ts";
export { MissingDataError } from "./client/fetcher.ts";
export { Future, type WaitOptions } from "./client/future.ts";
export { CancelledError, type FutureStatus } from "./client/future_state.ts";
export { FreeNameError, FunctionError } from "./protocol/functions/function_error.ts";
export { GraphError } from "./client/key_table.ts";
export { ReplayError } from "./client/replay.ts";
export { ScatterError, type ScatterOptions } from "./client/scatter.ts";
export { ConnectionLostError } from "./client/scheduler_link.ts";
export { ClientClosedError, type ConsoleMessage } from "./client/session.ts";
export { RemoteTaskError } from "./client/task_error.ts";
export { OptionError, type TaskOptions } from "./client/task_options.ts";
export type * from "./client/types.ts";
export { UploadError } from "./client/uploads.ts";
export { wait, type WaitForOptions, type WaitResult } from "./client/wait.ts";

// What tasks throw, and what they see of their worker
export {
  KilledWorkerError,
  LinkError,
  TaskArgumentsError,
  TaskExitError,
  TaskTimeoutError,
  UnknownPartError,
} from "./protocol/task_failures.ts";
export type { StackFrame } from "./protocol/functions/stack_frames.ts";
export { getWorker, NoWorkerError, type TaskWorker } from "./protocol/get_worker.ts";
export { getClient, rejoin, secede, workerClient } from "./client/worker_client.ts";

// Clusters
import "./deploy/use_thread.ts";
export {
  LocalCluster,
  type LocalClusterOptions,
  type LocalWorker,
  type StartWorkerOptions,
  type StopWorkerOptions,
} from "./deploy/local_cluster.ts";
export {
  SSHCluster,
  SSHClusterError,
  type SSHClusterOptions,
  type SSHHostInfo,
  type SSHHostStatus,
  type SSHReport,
} from "./deploy/ssh_cluster.ts";
export { SSHHostError } from "./deploy/ssh/hosts.ts";
export { NoSSHError } from "./deploy/ssh/ssh_command.ts";
export { WorkerProcess, WorkerProcessError } from "./deploy/worker_process.ts";
export { ScriptError } from "./deploy/remote/script_error.ts";
export {
  type ScriptOutput,
  type ScriptResult,
  SubmitError,
  submitScript,
  type SubmitScriptOptions,
} from "./deploy/remote/submit_script.ts";
export { Scheduler, type SchedulerOptions } from "./scheduler/scheduler.ts";
export type { RetireWorkersOptions } from "./scheduler/retirement_calls.ts";
export type { WorkersToCloseOptions } from "./scheduler/workers_to_close.ts";
export type { SchedulerCore, SchedulerCoreOptions } from "./scheduler/core.ts";
export type { UnusedLimits } from "./scheduler/part_registry.ts";
export type { TaskStateName } from "./scheduler/task_state.ts";
export { SchedulerPlugin, type TransitionDetails } from "./scheduler/plugin.ts";
export { MemoryLimitError, parseMemoryLimit } from "./worker/memory_limit.ts";
export type { ResultStore } from "./worker/store.ts";
export type { DuskGlobal } from "./worker/threads/task_globals.ts";
export type { LogEntry } from "./worker/transition_log.ts";
export { ClusterWorker, type ClusterWorkerOptions } from "./worker/cluster_worker.ts";
export { Nanny, type NannyOptions } from "./worker/nanny.ts";
export type { NannyHandle } from "./worker/nanny_handle.ts";

// Communication
export {
  getAddressHost,
  getAddressHostPort,
  getLocalAddressFor,
  normalizeAddress,
  parseAddress,
  resolveAddress,
  unparseAddress,
} from "./comm/addresses.ts";
export type { BacklogLimits } from "./comm/backlog.ts";
export { BacklogError, BatchedSend, type BatchedSendOptions } from "./comm/batched_send.ts";
export { connect, listen } from "./comm/comm.ts";
export { ConnectionPool, type ConnectionPoolOptions } from "./comm/connection_pool.ts";
export { AddressError } from "./comm/host_port.ts";
export { getBackend, registerBackend } from "./comm/registry.ts";
export {
  type CallOptions,
  CallTimeoutError,
  type Remote,
  type RemoteCall,
  RemoteError,
} from "./comm/remote.ts";
export { rpc } from "./comm/rpc.ts";
export {
  type ConnectionSecurity,
  Security,
  SecurityError,
  type SecurityOptions,
  type SecurityRole,
  type TlsCredentials,
} from "./comm/security.ts";
export {
  type Handler,
  Server,
  type ServerOptions,
  type StreamHandler,
  type StreamOptions,
} from "./comm/server.ts";
export { UnresponsiveError } from "./comm/silence_watch.ts";
export * from "./comm/transport.ts";

// Values as bytes
export type { AnyFunction } from "./protocol/functions/definition.ts";
export type { WorkerMetrics } from "./protocol/messages.ts";
export {
  type HeaderAndFrames,
  registerSerialization,
  RegistrationError,
  type SerializableClass,
} from "./protocol/registrations.ts";
export { Serialized } from "./protocol/serialized.ts";
export { DeserializationError, SerializationError } from "./protocol/values_format.ts";

// Settings, logging and version
export { configure } from "./config/configure.ts";
export { printSettings } from "./config/print_settings.ts";
export { SchedulerFileError } from "./config/scheduler_file.ts";
export {
  ConfigError,
  type Environment,
  type FlagValue,
  type LoadOptions,
  loadSettings,
  type SettingName,
  type SettingOrigins,
  type Settings,
  type SettingValues,
} from "./config/settings.ts";
export {
  configureLogging,
  getLogger,
  type LogFields,
  type Logger,
  type LoggingOptions,
  type LogLevel,
} from "./config/logging.ts";
export { version } from "./config/version.ts";
