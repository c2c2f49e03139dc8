/**
 * Asks beforehand whether threads may have permissions of their own. Deno keeps a resource of that question
 * open for as long as the program runs, which would be taken for a leak of the test that comes first.
 */
import { checkWorkerOptions } from "../../worker/threads/worker_options_feature.ts";

checkWorkerOptions("none");
