/** The types that the entries of workers export: those of `sluice` that their calls take and give, and the proxies' own. */

export type {
  FormatErrorCode,
  LayerSpec,
  LayersOptions,
  LoadOptions,
  Model,
  ModelErrorCode,
  ModelInfo,
  ModelSource,
  Numbers,
  Output,
  ReadModelOptions,
  RunInput,
  RunOptions,
  RunResult,
  SessionErrorCode,
  SessionInfo,
  State,
  StateInfo,
  StepInput,
  Tensor,
  ValueInfo,
} from "../index.ts";
export type { CallOptions, ThreadOptions, WorkerLike } from "./calls.ts";
export type { WorkerRuntimeOptions, WorkerSessionOptions } from "./open.ts";
export type { WorkerGroup, WorkerRuntime, WorkerSession, WorkerStream } from "./proxies.ts";
