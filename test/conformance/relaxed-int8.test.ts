import { it } from "vitest";
import { createSessionSync } from "../../src/index.ts";
import { HAS_RELAXED } from "./relaxed.ts";
import { conformance, INT8_GROUPS } from "./suite.ts";

if (HAS_RELAXED) {
  conformance(
    {
      name: "relaxed",
      createSession: (model, options) =>
        createSessionSync(model, { precision: "int8", ...options, variant: "relaxed" }),
    },
    INT8_GROUPS,
    " in int8",
  );
} else {
  it.skip("relaxed in int8 conforms (this engine has no relaxed SIMD)", () => {});
}
