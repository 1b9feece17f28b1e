/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The entry `sluice/ort`: as much of onnxruntime-web's interface as programs that stream use, over Sluice's kernels. A bundler
 * that takes `sluice/ort` for `onnxruntime-web` puts it under a program that is not changed; docs/ort.md says how.
 */

// The kernels' entry first: see src/onnx.ts.
export { FormatError, ModelError, SessionError } from "./graph-entry.ts";

import { type Env, env } from "./ort/env.ts";
import { InferenceSession } from "./ort/session.ts";
import { Tensor } from "./ort/tensor.ts";

export { type Env, env } from "./ort/env.ts";
export {
  type Feeds,
  type Fetches,
  InferenceSession,
  type SessionOptions,
  type ValueMetadata,
} from "./ort/session.ts";
export { Tensor, type TensorData, type TensorElements, type TensorType } from "./ort/tensor.ts";

const ort: { readonly InferenceSession: typeof InferenceSession; readonly Tensor: typeof Tensor; readonly env: Env } = {
  InferenceSession,
  Tensor,
  env,
};

/** As `import ort from "onnxruntime-web"` has it. */
export default ort;
