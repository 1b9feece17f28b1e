/**
 * Published streaming models, a frame in each call: Sluice, with the state inside, beside ONNX Runtime, where the state goes as
 * tensors from call to call. The files and their frames are those of the tests, found by SLUICE_VECTORS.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ReadModelOptions } from "../../src/onnx.ts";
import { type Contestant, compare } from "../harness.ts";
import type { Context, Row, Table } from "../report.ts";
import { OPTIONS, type Ort } from "./ort.ts";

interface Golden {
  readonly frames: number;
  readonly state: Record<string, { readonly fromOutput: string; readonly shape: readonly number[] }>;
  readonly tensors: Record<
    string,
    { readonly file?: string; readonly shape: readonly number[]; readonly value?: number[] }
  >;
}

interface Published {
  readonly name: string;
  readonly file: string;
  readonly golden: string;
  readonly output: string;
  readonly options?: ReadModelOptions;
  readonly goalWeb: string;
  readonly goalNode: string;
}

const MODELS: readonly Published[] = [
  {
    name: "Silero VAD",
    file: "silero-vad/silero_vad.onnx",
    golden: "silero-vad/golden/silero_vad",
    output: "output",
    options: { shapes: { input: [1, 576] }, constants: { sr: 16000 } },
    goalWeb: "≥ 3",
    goalNode: "≥ 1",
  },
  {
    name: "DTLN 1",
    file: "dtln/model_1.onnx",
    golden: "dtln/golden/model_1",
    output: "activation_2",
    goalWeb: "≥ 3",
    goalNode: "≥ 1",
  },
  {
    name: "DTLN 2",
    file: "dtln/model_2.onnx",
    golden: "dtln/golden/model_2",
    output: "conv1d_3",
    options: { state: { input_5: "tf_op_layer_stack_5" } },
    goalWeb: "≥ 3",
    goalNode: "≥ 1",
  },
  {
    name: "GTCRN",
    file: "gtcrn/gtcrn_simple.onnx",
    golden: "gtcrn/golden/gtcrn_simple",
    output: "enh",
    goalWeb: "≥ 6",
    goalNode: "≥ 4",
  },
];

/** What the kernels and the other runtimes may differ by. */
const TOLERANCE = 2e-5;

/** One frame in each call, over the golden frames again and again. */
function contestant(name: string, frames: number, expected: Float32Array, turn: (t: number) => Step): Contestant {
  let next = 0;
  return {
    name,
    steps: 1,
    expected,
    tolerance: TOLERANCE,
    async first() {
      const all: number[] = [];
      for (let t = 0; t < frames; t++) all.push(...(await turn(t)));
      return Float32Array.from(all);
    },
    async run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) {
        const y = turn(next++ % frames);
        sum += (y instanceof Float32Array ? y : await y)[0];
      }
      return sum;
    },
  };
}
type Step = Float32Array | Promise<Float32Array>;

export async function frames({ effort }: Context): Promise<Table[]> {
  const root = process.env.SLUICE_VECTORS;
  if (root === undefined)
    throw new Error("frames: expected SLUICE_VECTORS, the folder of the published models; got none");
  // The bundle, as a user has it.
  const bundle = new URL("../../dist/onnx.js", import.meta.url).href;
  const { readModel, createSessionSync }: typeof import("../../src/onnx.ts") = await import(bundle);
  const rows: Row[] = [];
  for (const { name, file, golden: folder, output, options, goalWeb, goalNode } of MODELS) {
    const at = (path: string) => readFileSync(join(root, "models", path));
    const golden = JSON.parse(at(`${folder}/golden.json`).toString()) as Golden;
    const f32 = (file: string) => new Float32Array(new Uint8Array(at(`${folder}/${file}`)).buffer);
    const [key, input] = Object.entries(golden.tensors).find(([one]) => one.startsWith("in:")) as [
      string,
      Golden["tensors"][string],
    ];
    const xs = f32(input.file as string);
    const size = xs.length / golden.frames;
    const split = Array.from({ length: golden.frames }, (_, t) => xs.slice(t * size, (t + 1) * size));
    const expected = f32(golden.tensors[`out:${output}`].file as string);
    const bytes = new Uint8Array(at(file));

    const session = createSessionSync(readModel(bytes, options));
    const stream = session.stream();
    const y = new Float32Array(expected.length / golden.frames);
    const sides = [contestant("sluice", golden.frames, expected, (t) => stream.step(split[t], y))];
    const ends: (() => Promise<void>)[] = [];
    for (const rival of ["onnxruntime-web", "onnxruntime-node"] as const) {
      const ort: Ort = await import(rival);
      ort.env.wasm.numThreads = 1;
      const other = await ort.InferenceSession.create(bytes, OPTIONS[rival]);
      ends.push(() => other.release());
      const feeds: Parameters<typeof other.run>[0] = {};
      for (const [one, { value, shape }] of Object.entries(golden.tensors)) {
        if (value) feeds[one.slice(6)] = new ort.Tensor("int64", BigInt64Array.from(value, BigInt), shape);
      }
      for (const [one, { shape }] of Object.entries(golden.state)) {
        feeds[one] = new ort.Tensor("float32", new Float32Array(shape.reduce((a, b) => a * b, 1)), shape);
      }
      const tensors = split.map((x) => new ort.Tensor("float32", x, input.shape.slice(1)));
      sides.push(
        contestant(rival, golden.frames, expected, async (t) => {
          feeds[key.slice(3)] = tensors[t];
          const results = await other.run(feeds);
          for (const [one, { fromOutput }] of Object.entries(golden.state)) feeds[one] = results[fromOutput];
          return results[output].data;
        }),
      );
    }
    const [own, web, node] = await compare(sides, effort);
    for (const end of ends) await end();
    rows.push({
      model: name,
      build: session.info.variant,
      sluice: own,
      "onnxruntime-web": web,
      "web ÷ sluice": web.median / own.median,
      "goal web": goalWeb,
      "onnxruntime-node": node,
      "node ÷ sluice": node.median / own.median,
      "goal node": goalNode,
    });
    session.dispose();
  }
  return [{ title: "µs per frame of published models, a frame in each call, state carried", rows }];
}
