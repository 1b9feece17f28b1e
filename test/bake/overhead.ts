/** A model → how many bytes of its baked file are neither kernels nor weights. */

import { readFileSync } from "node:fs";
import { ARENA, H_INITIAL, HEADER } from "../../assembly/abi.ts";
import { bakeModel } from "../../src/bake.ts";
import { createSessionSync, type Model } from "../../src/graph-entry.ts";
import { type DataSegment, dataSegments } from "./segments.ts";
import { open } from "./wrapper.ts";

/** The file's bytes without the kernels' and those of packed weights that it holds: zeros left out are no weights. */
export function overheadOf(model: Model, binary: "simd" | "graph-simd"): number {
  const wasm = bakeModel(model, "m").wasm as Uint8Array<ArrayBuffer>;
  // Weights end where the initial state begins.
  const end = new Uint32Array(open(wasm).exports.memory.buffer)[(HEADER + H_INITIAL) / 4];
  const start = end - createSessionSync(model, { variant: "simd" }).info.bytes.weights;
  if (start < ARENA) throw new Error(`weights: expected them in the arena; got ${start}`);
  const within = ({ address, bytes }: DataSegment) =>
    Math.max(0, Math.min(end, address + bytes.length) - Math.max(start, address));
  const stored = dataSegments(wasm).reduce((sum, segment) => sum + within(segment), 0);
  return wasm.length - stored - sizeOfKernels(binary);
}

export function sizeOfKernels(binary: "simd" | "graph-simd"): number {
  return readFileSync(new URL(`../../build/${binary}.wasm`, import.meta.url)).length;
}
