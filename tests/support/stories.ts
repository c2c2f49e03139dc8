/**
 * What the tasks of a failing test went through.
 */
import type { SchedulerCore } from "../../scheduler/core.ts";

const MOST_TASKS = 20;

/** Print the transition stories of the tasks that a scheduler knows. */
export function printStories(core: SchedulerCore): void {
  const keys = [...core.tasks.keys()];
  if (keys.length === 0) return console.error("--- the scheduler knows no task");
  for (const key of keys.slice(0, MOST_TASKS)) {
    console.error(`--- ${key} is ${core.tasks.get(key)?.state}`);
    for (const { key: each, start, finish, stimulus, time } of core.transitionStory(key)) {
      console.error(`  ${time.toFixed(4)} ${each}: ${start} -> ${finish} (${stimulus})`);
    }
  }
  if (keys.length > MOST_TASKS) console.error(`--- and ${keys.length - MOST_TASKS} tasks more`);
}
