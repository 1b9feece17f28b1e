import { it } from "vitest";
import { createSessionSync } from "../../src/index.ts";
import { HAS_RELAXED } from "./relaxed.ts";
import { conformance } from "./suite.ts";

if (HAS_RELAXED) {
  conformance({
    name: "relaxed",
    createSession: (model, options) => createSessionSync(model, { ...options, variant: "relaxed" }),
  });
} else {
  it.skip("relaxed conforms (this engine has no relaxed SIMD)", () => {});
}
