/**
 * What a script that runs from source imports before all else: it has Dusk go by the settings of
 * `dusk-remote`.
 *
 * @module
 */
import { applySettings, endWithParent, readSettings } from "./script_settings.ts";

await applySettings(readSettings());
endWithParent();
