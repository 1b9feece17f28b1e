/** The script of `sluice/worker`'s workers: one self-contained file, for a Worker of the web or of node:worker_threads. */

import { createRuntimeSync, createSessionSync } from "./index.ts";
import { startThread } from "./worker/start.ts";

startThread({ createRuntimeSync, createSessionSync });
