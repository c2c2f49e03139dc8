/**
 * The client of a task: it has the same methods as a program's, and speaks through the task's worker.
 *
 * @module
 */
import { BaseClient } from "./base_client.ts";
import { printToConsole } from "./print_to_console.ts";
import { Session } from "./session.ts";
import type { CallPool, Connect, FunctionCapture } from "./session_tools.ts";
import { checkOptions, noOptions, OptionError } from "./task_options.ts";

/** Leads to the cluster. */
export interface TaskLine {
  /** Resolves to the scheduler's address when there is somebody at the other end. */
  ready(): Promise<string>;
  connect: Connect;
  call: CallPool["call"];
  /** Ends all that goes over it. */
  close(): void;
}

/**
 * Tasks of tasks go before others: somebody with a thread of its own waits for them, and the fewer wait
 * at a time, the fewer threads there are.
 */
const OPTIONS = checkOptions({ priority: 1 }, noOptions);
/** Seconds to wait for the scheduler. */
const TIMEOUT = 10;

/** A client in a task. */
class TaskClient extends BaseClient {
  /** The methods are those of all clients. */
  static async open(line: TaskLine, capture: FunctionCapture): Promise<TaskClient> {
    const address = await line.ready();
    const pool: CallPool = {
      call: (address, op, args, options) => line.call(address, op, args, options),
      close: () => Promise.resolve(),
    };
    const session = await Session.open({
      id: `Client-task-${crypto.randomUUID()}`,
      address,
      timeout: TIMEOUT,
      direct: undefined,
      // So it gets to the program in the end, however deep the task.
      onConsole: printToConsole,
    }, {
      capture,
      bundleUpload: () => {
        throw new OptionError(
          "uploadFile() works in a program only: workers do not have its files; upload before you " +
            "submit the task",
        );
      },
      workers: pool,
      scheduler: pool,
      connect: line.connect,
    });
    const cluster = {
      schedulerAddress: address,
      close: () => Promise.resolve(line.close()),
    };
    return new TaskClient({ session, cluster }, OPTIONS);
  }
}

/**
 * Make a client for a task.
 *
 * @param line Leads to the task's cluster; closed with the client.
 * @param capture Takes functions apart.
 */
export async function openTaskClient(
  line: TaskLine,
  capture: FunctionCapture,
): Promise<BaseClient> {
  try {
    return await TaskClient.open(line, capture);
  } catch (error) {
    line.close();
    throw error;
  }
}
