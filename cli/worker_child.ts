/**
 * `dusk-worker` as the child of its nanny: runs one worker, in the process of its own.
 *
 * @module
 */
import "../deploy/use_thread.ts";
import { logBySettings, useSettings } from "../config/configure.ts";
import { type Settings, settingsFrom, type SettingValues } from "../config/settings.ts";
import { runWorkerChild } from "../worker/nanny_child.ts";
import { Preloads } from "./preload.ts";

/** Run the worker as the nanny says. */
export async function runChild(): Promise<never> {
  let settings: Settings | undefined;
  let preloads: Preloads | undefined;
  return await runWorkerChild({
    async prepare({ program, preload }) {
      settings = settingsFrom(program.settings as SettingValues | undefined ?? {});
      await useSettings(settings);
      logBySettings(settings);
      preloads = await Preloads.load(preload);
    },
    setUp: (worker) => preloads?.setup(worker),
    leave: (worker, reason) =>
      worker.closeGracefully({ reason, timeout: settings?.["worker.leave-timeout"] }),
    tearDown: (worker) => preloads?.teardown(worker),
  });
}
