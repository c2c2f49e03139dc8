/**
 * A thread that tells when it collects garbage.
 *
 * @module
 */
import "./fake_collector.ts";
import "../../../worker/threads/thread.ts";
