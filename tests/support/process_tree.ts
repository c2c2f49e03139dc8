/** The processes below a process, to see that none of them outlives it. */
import { isRunning } from "./popen.ts";
import { until } from "./until.ts";

/** Process ids of the children of a process. */
export function childrenOf(pid: number): number[] {
  const { stdout } = new Deno.Command("ps", { args: ["-o", "pid=", "--ppid", `${pid}`] })
    .outputSync();
  return new TextDecoder().decode(stdout).trim().split(/\s+/).filter(Boolean).map(Number);
}

/** The only child of a process, such as the worker of a nanny. */
export async function onlyChild(pid: number): Promise<number> {
  return await until(`process ${pid} to have a child`, () => {
    const children = childrenOf(pid);
    return children.length === 1 ? children[0] : undefined;
  });
}

/** Wait until none of the processes runs. */
export async function allGone(pids: number[]): Promise<void> {
  await until(`processes ${pids} to be gone`, () => !pids.some(isRunning));
}
