/**
 * New tasks: a client's graph is linked into what is there, as a whole or, if it goes round in a
 * circle, not at all.
 *
 * @module
 */
import type { TaskGroup, UpdateGraph } from "../protocol/messages.ts";
import { type ClientState, countUpdate } from "./client_state.ts";
import { holdParts } from "./client_parts.ts";
import { findCycle, findRefused } from "./graph_checks.ts";
import type { PartState } from "./part_registry.ts";
import { callPlugin } from "./plugins.ts";
import { splitRestrictions } from "./restrictions.ts";
import { joinRunSpec, leaveRunSpec } from "./run_spec_parts.ts";
import { recommend, reportTo, type SchedulerState, sendToClient } from "./state.ts";
import { RunSpec, TaskState } from "./task_state.ts";
import type { SchedulerCore } from "./core.ts";

/** A graph while it is being taken in. */
interface Intake {
  /** The groups that can be taken. */
  groups: TaskGroup[];
  /** The tasks that are new, in the client's order. */
  created: TaskState[];
  /** New tasks, and the key that each needs and that nobody knows. */
  unknown: Map<TaskState, string>;
  /** Whether a task needs one that comes after it, so that there may be a circle. */
  looksAhead: boolean;
}

/**
 * Takes in a client's graph. Keys that exist already keep the recipe that they have. A graph with a
 * circle is refused whole; tasks that need an unknown key are refused with everything that needs
 * them, and the rest is taken.
 */
export function updateGraph(s: SchedulerState, cs: ClientState, msg: UpdateGraph): void {
  s.generation++;
  countUpdate(cs);
  const intake: Intake = { groups: [], created: [], unknown: new Map(), looksAhead: false };
  const registered = s.parts.register(msg.parts);
  holdParts(s, cs, registered.parts);
  s.parts.settle(registered);
  let order = 0;
  for (const group of msg.groups) {
    const code = findCode(s, group);
    if (typeof code === "string") {
      const reason = registered.refused?.get(code) ?? `part ${code} did not come along`;
      refuse(s, cs, group.keys, `their code is not complete: ${reason}`);
    } else {
      intake.groups.push(group);
      createTasks(s, intake, group, code, order);
    }
    order += group.keys.length;
  }
  linkDependencies(s, intake);

  if (intake.looksAhead) {
    const cycle = findCycle(intake.created);
    if (cycle !== null) {
      for (const ts of intake.created) discard(s, ts);
      const keys = msg.groups.flatMap((group) => group.keys);
      refuse(s, cs, keys, `they go round in a circle: ${cycle}`);
      return;
    }
  }
  let created = intake.created;
  if (intake.unknown.size > 0) {
    const refused = findRefused(intake.unknown);
    for (const [missing, tasks] of refused) {
      for (const ts of tasks) discard(s, ts);
      refuse(
        s,
        cs,
        tasks.map((ts) => ts.key),
        `they need '${missing}', which the scheduler does not know: ` +
          "it was released, cancelled or never submitted",
      );
    }
    created = created.filter((ts) => s.tasks.get(ts.key) === ts);
  }

  linkWishes(s, cs, intake.groups, created);
  created = dropUnneeded(s, created);
  makeDue(s, created);
  s.eventLog.add("client", {
    action: "update-graph",
    client: cs.id,
    tasks: created.length,
  }, s.now);
  tellPlugins(s, cs, created);
}

/**
 * A client wants a task kept. It is told where the task stands, when there is something to tell.
 *
 * @returns False when there is no such task.
 */
export function want(s: SchedulerState, cs: ClientState, key: string): boolean {
  const ts = s.tasks.get(key);
  if (ts === undefined) return false;
  linkWish(s, cs, ts);
  if (ts.state === "memory" || ts.state === "erred") reportTo(s, ts, cs);
  else if (ts.state === "released") recommend(s, ts, "waiting");
  return true;
}

/** Notes that a client wants a task. */
export function linkWish(s: SchedulerState, cs: ClientState, ts: TaskState): void {
  cs.wantsWhat.add(ts);
  ts.whoWants = ts.whoWants.size === 0 ? cs.alone : ts.whoWants.add(cs);
  if (s.validate) s.touched.add(ts);
}

/** Makes a task known. */
export function createTask(
  s: SchedulerState,
  key: string,
  group: TaskGroup | null,
  spec: RunSpec | null,
  index: number,
  order: number,
): TaskState {
  const prefix = s.prefixes.of(key);
  const args = group === null ? null : group.args[index];
  const ts = new TaskState(key, prefix, spec, args, order, s.generation, group?.retries ?? 0);
  prefix.tasks++;
  prefix.counts.released++;
  s.tasks.set(key, ts);
  if (spec !== null) joinRunSpec(s, spec);
  if (s.validate) s.touched.add(ts);
  return ts;
}

/** The code of a group's tasks. */
interface GroupCode {
  function: PartState;
  needs: readonly PartState[] | null;
}

/** The code of a group's tasks, or the name of a part that is missing. */
function findCode(s: SchedulerState, group: TaskGroup): GroupCode | string {
  const fn = s.parts.get(group.function);
  if (fn === undefined) return group.function;
  if (group.needs === undefined || group.needs.length === 0) return { function: fn, needs: null };
  const needs = new Set<PartState>();
  for (const name of group.needs) {
    const part = s.parts.get(name);
    if (part === undefined) return name;
    needs.add(part);
  }
  return { function: fn, needs: [...needs] };
}

function createTasks(
  s: SchedulerState,
  intake: Intake,
  group: TaskGroup,
  code: GroupCode,
  order: number,
): void {
  let spec: RunSpec | null = null;
  const keys = group.keys;
  for (let i = 0; i < keys.length; i++) {
    if (s.tasks.has(keys[i])) continue;
    spec ??= new RunSpec({
      ...code,
      userPriority: group.priority ?? 0,
      generation: s.generation,
      ...splitRestrictions(s, group.workers),
      resourceRestrictions: hasAny(group.resources) ? group.resources : null,
      looseRestrictions: group.allowOtherWorkers ?? false,
      timeout: group.timeout,
    });
    if (group.dependencies === undefined || group.dependencies[i].length === 0) spec.rootTasks++;
    intake.created.push(createTask(s, keys[i], group, spec, i, order + i));
  }
}

function linkDependencies(s: SchedulerState, intake: Intake): void {
  const created = intake.created;
  let next = 0;
  for (const { keys, dependencies } of intake.groups) {
    for (let i = 0; i < keys.length && next < created.length; i++) {
      // Keys that existed, or were named before, were skipped in this same order.
      if (created[next].key !== keys[i]) continue;
      const ts = created[next++];
      if (dependencies !== undefined) linkTask(s, intake, ts, dependencies[i]);
    }
  }
}

function linkTask(s: SchedulerState, intake: Intake, ts: TaskState, keys: string[]): void {
  for (let j = 0; j < keys.length; j++) {
    const dts = s.tasks.get(keys[j]);
    if (dts === undefined) {
      intake.unknown.set(ts, keys[j]);
      continue;
    }
    if (dts.order >= ts.order && dts.runSpec?.generation === s.generation) {
      intake.looksAhead = true;
    }
    ts.dependencies = ts.dependencies.add(dts);
    dts.dependents = dts.dependents.add(ts);
  }
}

function linkWishes(
  s: SchedulerState,
  cs: ClientState,
  groups: readonly TaskGroup[],
  created: readonly TaskState[],
): void {
  let next = 0;
  for (const group of groups) {
    const wanted = group.wanted ?? group.keys;
    for (let i = 0; i < wanted.length; i++) {
      if (next < created.length && created[next].key === wanted[i]) {
        linkWish(s, cs, created[next++]);
      } else {
        wishElsewhere(s, cs, wanted[i]);
      }
    }
  }
}

/** A wish for a task that existed before, was refused, or is named out of order. */
function wishElsewhere(s: SchedulerState, cs: ClientState, key: string): void {
  const ts = s.tasks.get(key);
  if (ts === undefined) return;
  if (ts.runSpec?.generation === s.generation) linkWish(s, cs, ts);
  else want(s, cs, key);
}

/** Takes back out what no client wants and no task needs. @returns The new tasks that stay. */
function dropUnneeded(s: SchedulerState, created: TaskState[]): TaskState[] {
  const unneeded = created.filter(isUnneeded);
  if (unneeded.length === 0) return created;
  const isNew = new Set(created);
  for (let ts = unneeded.pop(); ts !== undefined; ts = unneeded.pop()) {
    discard(s, ts);
    isNew.delete(ts);
    for (const dts of ts.dependencies) {
      if (isNew.has(dts) && isUnneeded(dts)) unneeded.push(dts);
    }
  }
  return [...isNew];
}

function isUnneeded(ts: TaskState): boolean {
  return ts.whoWants.size === 0 && ts.dependents.size === 0;
}

/** Makes the new tasks due, the first one first. */
function makeDue(s: SchedulerState, created: TaskState[]): void {
  for (let i = created.length - 1; i >= 0; i--) recommend(s, created[i], "waiting");
}

/** Takes a new task back out, as if it had never come. */
function discard(s: SchedulerState, ts: TaskState): void {
  for (const dts of ts.dependencies) dts.dependents = dts.dependents.delete(ts);
  s.tasks.delete(ts.key);
  ts.prefix.tasks--;
  ts.prefix.counts.released--;
  if (ts.runSpec !== null) leaveRunSpec(s, ts.runSpec);
  s.touched.delete(ts);
}

function refuse(s: SchedulerState, cs: ClientState, keys: string[], reason: string): void {
  const [first] = keys;
  const subject = keys.length === 1 ? `task '${first}'` : `${keys.length} tasks ('${first}', …)`;
  const message = `${subject} cannot be taken: ${reason}`;
  sendToClient(s, cs, { op: "graph-refused", keys, message });
  s.eventLog.add("client", { action: "graph-refused", client: cs.id, message }, s.now);
}

function tellPlugins(s: SchedulerState, cs: ClientState, created: TaskState[]): void {
  for (const plugin of s.plugins) {
    if (plugin.updateGraph === undefined) continue;
    const keys = created.map((ts) => ts.key);
    callPlugin(
      s,
      plugin,
      "updateGraph",
      () => plugin.updateGraph?.(s as SchedulerCore, cs.id, keys),
    );
  }
}

function hasAny(
  resources: Record<string, number> | undefined,
): resources is Record<string, number> {
  return resources !== undefined && Object.keys(resources).length > 0;
}
