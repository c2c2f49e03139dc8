/**
 * Has the workers of this program run threads whose tasks have clients.
 *
 * @module
 */
import { useThread } from "../worker/threads/default_thread.ts";

useThread(new URL("./thread.ts", import.meta.url));
