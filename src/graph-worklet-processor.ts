/** The script of `sluice/graph/worklet`'s audio thread, one self-contained file. */

import { GRAPH } from "./ops/graph.ts";
import { startProcessor } from "./worklet/processor.ts";

startProcessor(GRAPH, import.meta.url);
