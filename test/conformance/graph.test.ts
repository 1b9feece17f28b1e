/** The whole suite over the graph kernel set: what runs with the core's kernels runs with these, to the same bars. */

import { it } from "vitest";
import { relaxed } from "../../build/kernels-graph.ts";
import { bytesOfText } from "../../src/binary-text.ts";
import { createSessionSync } from "../../src/graph-entry.ts";
import { conformance } from "./suite.ts";

const VARIANTS = ["reference", "simd", "relaxed"] as const;

for (const variant of VARIANTS) {
  if (variant !== "relaxed" || WebAssembly.validate(bytesOfText(relaxed.join("")))) {
    conformance({
      name: variant,
      createSession: (model, options) => createSessionSync(model, { ...options, variant }),
    });
  } else it.skip("relaxed conforms (this engine has no relaxed SIMD)", () => {});
}
