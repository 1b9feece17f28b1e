/** The script of `sluice/worklet`'s audio thread, one self-contained file. */

import { CORE } from "./ops/core.ts";
import { startProcessor } from "./worklet/processor.ts";

startProcessor(CORE, import.meta.url);
