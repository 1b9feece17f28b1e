/** A model's outputs by ONNX Runtime, on one thread. */

import { type File, type Node, model as write } from "../formats/onnx/writer.ts";
import type { Drawn } from "./builder.ts";

/** What is used of onnxruntime-node; declared here so that the main package type-checks without it. */
interface OrtTensor {
  readonly data: Float32Array;
}
interface OrtSession {
  run(feeds: Record<string, OrtTensor>): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}
interface Ort {
  readonly Tensor: new (
    type: string,
    data: Float32Array | BigInt64Array | Int32Array | Uint8Array,
    dims: readonly number[],
  ) => OrtTensor;
  readonly InferenceSession: { create(bytes: Uint8Array, options: object): Promise<OrtSession> };
}

const NAME: string = "onnxruntime-node";
const ort: Ort = await import(NAME);
const OPTIONS = { executionProviders: ["cpu"], intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 4 };

const ARRAYS = {
  float: (data: readonly number[]) => Float32Array.from(data),
  int64: (data: readonly number[]) => BigInt64Array.from(data, BigInt),
  int32: (data: readonly number[]) => Int32Array.from(data),
  bool: (data: readonly number[]) => Uint8Array.from(data),
};

/** ONNX Runtime refuses layout 1: the same nodes with the batch second, between transpositions. */
function batchSecond({ nodes = [], ...rest }: File): File {
  const turn = (from: string, to: string, perm: readonly number[]): Node => ({
    op: "Transpose",
    inputs: [from],
    outputs: [to],
    attrs: { perm },
  });
  const turned = (nodes as readonly Node[]).flatMap((node, at): Node[] => {
    const { inputs, outputs, attrs: { layout, ...attrs } = {} } = node;
    if (layout !== 1) return [node];
    const before = [0, 5, 6].filter((i) => inputs[i]);
    const given = inputs.map((name, i) => (before.includes(i) ? `${name}.in${at}` : name));
    return [
      ...before.map((i) => turn(inputs[i], given[i], [1, 0, 2])),
      { ...node, inputs: given, outputs: outputs.map((name) => `${name}.first`), attrs },
      // Y (T, D, N, H) → (N, T, D, H), states (D, N, H) → (N, D, H)
      ...outputs.map((name, i) => turn(`${name}.first`, name, i === 0 ? [2, 0, 1, 3] : [1, 0, 2])),
    ];
  });
  return { ...rest, nodes: turned };
}

export async function runOrt({ file, feeds }: Drawn): Promise<Map<string, Float32Array>> {
  const bytes = write(batchSecond(file));
  const session = await ort.InferenceSession.create(bytes, OPTIONS);
  try {
    const given = [...feeds].map(([name, { kind, shape, data }]): [string, OrtTensor] => [
      name,
      new ort.Tensor(kind === "float" ? "float32" : kind, ARRAYS[kind](data), shape),
    ]);
    const results = await session.run(Object.fromEntries(given));
    return new Map(Object.entries(results).map(([name, { data }]) => [name, Float32Array.from(data)]));
  } finally {
    await session.release();
  }
}
