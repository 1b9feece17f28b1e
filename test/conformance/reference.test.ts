import { createSessionSync } from "../../src/index.ts";
import { conformance } from "./suite.ts";

conformance({
  name: "reference",
  createSession: (model, options) => createSessionSync(model, { ...options, variant: "reference" }),
});
