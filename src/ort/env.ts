/**
 * The settings of onnxruntime-web. All may be set and read; there are no files to find, no threads and no GPU here, so that only
 * `logLevel` does something: from "error" on, nothing is said about a model's warnings.
 */
export interface Env {
  logLevel: "verbose" | "info" | "warning" | "error" | "fatal";
  debug: boolean;
  trace: boolean;
  readonly wasm: Record<string, unknown>;
  readonly webgl: Record<string, unknown>;
  readonly webgpu: Record<string, unknown>;
  readonly versions: Readonly<Record<string, string>>;
  [name: string]: unknown;
}

// The one object that a program writes to: that is its interface.
export const env: Env = {
  logLevel: "warning",
  debug: false,
  trace: false,
  wasm: {},
  webgl: {},
  webgpu: {},
  versions: { common: "1.30.0" },
};
