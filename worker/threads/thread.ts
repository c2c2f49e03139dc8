/**
 * A thread whose tasks have no clients: the entry of its Web Worker. The one with clients is put together
 * in `deploy/thread.ts`.
 *
 * @module
 */
import { startThread } from "./thread_start.ts";

startThread();
