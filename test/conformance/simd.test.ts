import { createSessionSync } from "../../src/index.ts";
import { conformance } from "./suite.ts";

conformance({
  name: "simd",
  createSession: (model, options) => createSessionSync(model, { ...options, variant: "simd" }),
});
