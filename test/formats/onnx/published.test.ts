/**
 * Published streaming models in ONNX: read, specialised, run frame after frame with the state kept inside, against what
 * ONNX Runtime gave for the same frames.
 */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateRawSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { createSessionSync, type Model, type ReadModelOptions, readModel } from "../../../src/onnx.ts";
import { NO_VECTORS, VECTORS } from "../../vectors.ts";

interface GoldenTensor {
  readonly file?: string;
  readonly shape: readonly number[];
  readonly finalOnly?: boolean;
}

interface Golden {
  readonly frames: number;
  readonly state: Readonly<Record<string, { readonly fromOutput: string }>>;
  readonly tensors: Readonly<Record<string, GoldenTensor>>;
}

interface Published {
  readonly name: string;
  readonly file: string;
  readonly golden: string;
  readonly options?: ReadModelOptions;
  /** Nodes of the Model: that what should have folded away has. */
  readonly nodes: number;
}

const SILERO: ReadModelOptions = { shapes: { input: [1, 576] }, constants: { sr: 16000 } };

const MODELS: readonly Published[] = [
  {
    name: "Silero VAD",
    file: "silero-vad/silero_vad.onnx",
    golden: "silero-vad/golden/silero_vad",
    options: SILERO,
    nodes: 45,
  },
  {
    name: "Silero VAD, 16 kHz, opset 15",
    file: "silero-vad/silero_vad_16k_op15.onnx",
    golden: "silero-vad/golden/silero_vad_16k_op15",
    options: SILERO,
    nodes: 45,
  },
  {
    name: "Silero VAD, opset 18, its LSTM written out",
    file: "silero-vad/silero_vad_op18_ifless.onnx",
    golden: "silero-vad/golden/silero_vad_op18_ifless",
    options: SILERO,
    nodes: 45,
  },
  { name: "DTLN 1", file: "dtln/model_1.onnx", golden: "dtln/golden/model_1", nodes: 3 },
  {
    name: "DTLN 2",
    file: "dtln/model_2.onnx",
    golden: "dtln/golden/model_2",
    options: { state: { input_5: "tf_op_layer_stack_5" } },
    nodes: 65,
  },
  { name: "GTCRN", file: "gtcrn/gtcrn.onnx", golden: "gtcrn/golden/gtcrn", nodes: 700 },
  { name: "GTCRN, simplified", file: "gtcrn/gtcrn_simple.onnx", golden: "gtcrn/golden/gtcrn_simple", nodes: 700 },
];

const read = (path: string) => new Uint8Array(readFileSync(join(VECTORS as string, "models", path)));
const f32 = (folder: string, file: string) => new Float32Array(read(`${folder}/${file}`).buffer);

/** The largest difference in units of max(1, |expected|). */
function difference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length);
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const one = Math.abs(got[i] - expected[i]) / Math.max(1, Math.abs(expected[i]));
    most = one <= most ? most : one;
  }
  return most;
}

function check({ golden: folder, options }: Published, model: Model, variant: "reference" | "auto"): void {
  const golden = JSON.parse(Buffer.from(read(`${folder}/golden.json`)).toString()) as Golden;
  const outputs = Object.entries(golden.tensors).filter(([name]) => name.startsWith("out:"));
  const from = Object.values(golden.state).map(({ fromOutput }) => fromOutput);
  const session = createSessionSync(model, { variant });
  const stream = session.stream();
  const [input] = model.inputs;
  const all = f32(folder, golden.tensors[`in:${input.name}`].file as string);
  const size = all.length / golden.frames;
  const ys = model.outputs.map(({ name }): [string, number[]] => [name, []]);
  const states = new Map(from.map((name): [string, number[]] => [name, []]));
  for (let t = 0; t < golden.frames; t++) {
    const y = stream.step(all.slice(t * size, (t + 1) * size));
    for (const [name, list] of ys) list.push(...(y instanceof Float32Array ? y : y[name]));
    const state = stream.state;
    for (const [name, { fromOutput }] of Object.entries(golden.state)) {
      if (!Object.hasOwn(state, name)) continue;
      const list = states.get(fromOutput) as number[];
      if (golden.tensors[`out:${fromOutput}`].finalOnly) list.length = 0;
      list.push(...state[name]);
    }
  }
  for (const [key, { file }] of outputs) {
    const name = key.slice(4);
    const expected = f32(folder, file as string);
    const list = states.get(name);
    if (!list) expect(difference(new Map(ys).get(name) as number[], expected), name).toBeLessThan(1e-5);
    else if (list.length > 0) expect(difference(list, expected), `state ${name}`).toBeLessThan(1e-4);
    // A state that became that of layers has their names and their order.
    else expect(options).toBeUndefined();
  }
  session.dispose();
}

describe.skipIf(!VECTORS)(`published models${VECTORS ? "" : `: ${NO_VECTORS}`}`, () => {
  for (const published of MODELS) {
    it(`${published.name}: every golden frame`, { timeout: 120_000 }, () => {
      const model = readModel(read(published.file), published.options);
      expect(model.nodes.length).toBeLessThanOrEqual(published.nodes);
      expect(model.warnings).toEqual([]);
      check(published, model, "auto");
    });
  }

  it("byte_sb, a bidirectional model of bytes: the logits of two sentences", () => {
    const model = readModel(read("byte_sb/model.onnx"));
    expect(model.nodes.map(({ op }) => op)).toEqual(["embedding", "lstm", "lstm", "linear"]);
    const [ids, logits] = npz(read("byte_sb/io.npz"));
    const [count, length] = ids.shape;
    const session = createSessionSync(model);
    const { output } = session.run(Int32Array.from(ids.bytes), { batch: count, batchFirst: true });
    const expected = new Float32Array(logits.bytes.slice().buffer);
    // The file gives (2, 58, 2) or (58, 2, 2); the session the batch first.
    const turned = logits.shape[0] === count ? expected : turn(expected, length, count, 2);
    expect(difference(output, turned)).toBeLessThan(1e-5);
    session.dispose();
  });
});

/** (T, N, O) → (N, T, O) */
function turn(y: Float32Array, T: number, N: number, O: number): Float32Array {
  return y.map((_, i) => y[((Math.floor(i / O) % T) * N + Math.floor(i / O / T)) * O + (i % O)]);
}

/** The arrays of an .npz file, in its order. */
function npz(file: Uint8Array): { readonly shape: readonly number[]; readonly bytes: Uint8Array }[] {
  const view = new DataView(file.buffer, file.byteOffset);
  const arrays = [];
  for (let at = 0; view.getUint32(at, true) === 0x04034b50; ) {
    const [packed, name, extra] = [
      view.getUint32(at + 18, true),
      view.getUint16(at + 26, true),
      view.getUint16(at + 28, true),
    ];
    const start = at + 30 + name + extra;
    const npy = new Uint8Array(inflateRawSync(file.subarray(start, start + packed)));
    const header = new DataView(npy.buffer).getUint16(8, true);
    const text = Buffer.from(npy.subarray(10, 10 + header)).toString();
    const shape = (/\(([^)]*)\)/.exec(text)?.[1] ?? "")
      .split(",")
      .filter((one) => one.trim() !== "")
      .map(Number);
    arrays.push({ shape, bytes: npy.subarray(10 + header) });
    at = start + packed;
  }
  return arrays;
}
