import { createSessionSync } from "../../src/index.ts";
import { conformance, INT8_GROUPS } from "./suite.ts";

conformance(
  {
    name: "simd",
    createSession: (model, options) => createSessionSync(model, { precision: "int8", ...options, variant: "simd" }),
  },
  INT8_GROUPS,
  " in int8",
);
