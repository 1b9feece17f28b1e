/** A model → its baked .wasm, what its wrapper exports, and what any host sees of the file. */

import type { Description } from "../../src/bake/baked.ts";
import { type BakeOptions, bakeModel } from "../../src/bake.ts";
import type { Model, Stream } from "../../src/index.ts";
import type { Exports } from "../kernels/machine.ts";

export interface Wrapper {
  readonly inputs: Description["inputs"];
  readonly outputs: Description["outputs"];
  readonly states: Description["states"];
  readonly info: Description["info"];
  /** A stream; of a sequence model its `run` alone. */
  create(source: Uint8Array | WebAssembly.Module): Stream;
}

export async function bake(model: Model, options?: BakeOptions) {
  const { wasm, js } = bakeModel(model, "model", options);
  const wrapper: Wrapper = await import(`data:text/javascript,${encodeURIComponent(js)}`);
  return { wasm: wasm as Uint8Array<ArrayBuffer>, wrapper };
}

/** The exports as any host has them, and all of memory. */
export function open(wasm: Uint8Array<ArrayBuffer>) {
  const module = new WebAssembly.Module(wasm);
  const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
  const { buffer } = exports.memory;
  const [section] = WebAssembly.Module.customSections(module, "sluice");
  const description: Description = JSON.parse(Buffer.from(section).toString("latin1"));
  return { module, exports, description, f32: new Float32Array(buffer), i32: new Int32Array(buffer) };
}
