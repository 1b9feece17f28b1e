/**
 * Other people's operator tests, through files: the ONNX project's for RNN, GRU and LSTM, and ONNX Runtime's for GRU and RNN.
 * Each is read twice: along a free axis, as a layer that carries its state, and as the file stands, as one execution of
 * fixed shapes.
 */

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  type ConstantInput,
  createSessionSync,
  type Model,
  type ReadModelOptions,
  readModel,
} from "../../../src/onnx.ts";
import { expectClose } from "../../conformance/compare.ts";
import { NO_VECTORS, readJson, VECTORS } from "../../vectors.ts";
import { type File, model as write } from "./writer.ts";

interface Named {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: readonly number[];
}

interface OperatorCase {
  readonly name: string;
  readonly op: string;
  readonly attrs: Readonly<Record<string, number | string | readonly string[] | readonly number[]>>;
  readonly node_inputs: readonly string[];
  readonly node_outputs: readonly string[];
  readonly inputs: readonly Named[];
  readonly outputs: readonly Named[];
}

/** The expected values are another f32 implementation's with 6 to 8 digits: half a digit of theirs and an error of ours. */
const TOLERANCE = 2e-6;

const VARIANTS = ["reference", "simd"] as const;

/** The file of a case: its weights are initializers, all else is inputs of fixed shapes. */
function fileOf({
  op,
  attrs,
  node_inputs: inputs,
  node_outputs: outputs,
  inputs: given,
  outputs: expected,
}: OperatorCase): Uint8Array {
  const weights = given.filter(({ name }) => ["W", "R", "B", "P"].includes(name));
  const rest = given.filter((one) => !weights.includes(one));
  const file: File = {
    opset: 22,
    nodes: [
      {
        op,
        inputs,
        outputs,
        attrs: Object.fromEntries(
          Object.entries(attrs).map(([key, value]) => [
            key,
            key.startsWith("activation_") ? { floats: value as readonly number[] } : value,
          ]),
        ),
      },
    ],
    initializers: Object.fromEntries(weights.map(({ name, shape, data }) => [name, [shape, data]])),
    inputs: Object.fromEntries(
      rest.map(({ name, shape }) => [name, name === "sequence_lens" ? [shape, "int32"] : shape]),
    ),
    outputs: Object.fromEntries(expected.map(({ name, shape }) => [name, shape])),
  };
  return write(file);
}

/** (T, D, N, H), or (N, T, D, H), → (T, N, D, H) */
function rows(y: Named, batchFirst: boolean): number[] {
  const [T, D, N, H] = batchFirst ? [y.shape[1], y.shape[2], y.shape[0], y.shape[3]] : y.shape;
  const at = (t: number, d: number, n: number) => (batchFirst ? (n * T + t) * D + d : (t * D + d) * N + n) * H;
  const out: number[] = [];
  for (let t = 0; t < T; t++)
    for (let n = 0; n < N; n++) for (let d = 0; d < D; d++) out.push(...y.data.slice(at(t, d, n), at(t, d, n) + H));
  return out;
}

/** (D, N, H), from (N, D, H) where the batch comes first. */
function states({ shape, data }: Named, batchFirst: boolean): number[] {
  if (!batchFirst) return [...data];
  const [N, D, H] = shape;
  return Array.from(
    { length: N * D * H },
    (_, i) => data[((Math.floor(i / H) % N) * D + Math.floor(i / (N * H))) * H + (i % H)],
  );
}

function stream(one: OperatorCase, bytes: Uint8Array, constants: Readonly<Record<string, ConstantInput>>): void {
  const batchFirst = one.attrs.layout === 1;
  const find = (name: string) => one.inputs.find((input) => input.name === name);
  const x = find("X") as Named;
  const N = x.shape[batchFirst ? 0 : 1];
  const lengths = find("sequence_lens")?.data;
  const stateShape = (name: string) => find(name)?.shape.map((size, i) => (i === (batchFirst ? 0 : 1) ? 1 : size));
  const shapes: Record<string, readonly (number | string)[]> = {
    X: batchFirst ? [1, "T", x.shape[2]] : ["T", 1, x.shape[2]],
  };
  if (lengths) shapes.sequence_lens = [1];
  for (const name of ["initial_h", "initial_c"]) if (find(name)) shapes[name] = stateShape(name) as number[];
  for (const variant of VARIANTS) {
    const session = createSessionSync(readModel(bytes, { shapes, constants }), { variant });
    const [h, c] = ["h", "c"].map((suffix) => session.states.find(({ name }) => name.endsWith(`.${suffix}`))?.name);
    const initial = (name: string) => Float32Array.from(states(find(name) as Named, batchFirst));
    const { output, outputs, state } = session.run(Float32Array.from(x.data), {
      batch: N,
      batchFirst,
      ...(lengths && { lengths }),
      state: {
        ...(find("initial_h") && h && { [h]: initial("initial_h") }),
        ...(find("initial_c") && c && { [c]: initial("initial_c") }),
      },
    });
    for (const expected of one.outputs) {
      const { name } = expected;
      if (name === "Y") {
        const y = rows(expected, batchFirst);
        const size = y.length / N / x.shape[batchFirst ? 1 : 0];
        // With batchFirst the session gives (N, T, D · H).
        const T = x.shape[batchFirst ? 1 : 0];
        const turned = batchFirst
          ? Array.from(y, (_, i) => y[((Math.floor(i / size) % T) * N + Math.floor(i / size / T)) * size + (i % size)])
          : y;
        expectClose("Y", output, turned, TOLERANCE);
      } else if (name === "Y_h") {
        expectClose("h", state[h as string], states(expected, batchFirst), TOLERANCE);
        if (Object.hasOwn(outputs, "Y_h") && !lengths)
          expectClose("Y_h", outputs.Y_h, states(expected, batchFirst), TOLERANCE);
      } else if (name === "Y_c") expectClose("c", state[c as string], states(expected, batchFirst), TOLERANCE);
      else throw new Error(`no such output: ${name}`);
    }
    session.dispose();
  }
}

/** As the file stands: all inputs by name, all outputs by name. */
function execute(one: OperatorCase, model: Model): void {
  const given = model.inputs.map(({ name }) => [
    name,
    Float32Array.from(one.inputs.find((input) => input.name === name)?.data ?? []),
  ]);
  for (const variant of VARIANTS) {
    const session = createSessionSync(model, { variant });
    const { outputs } = session.run(Object.fromEntries(given));
    for (const { name, data } of one.outputs) expectClose(name, outputs[name], data, TOLERANCE);
    session.dispose();
  }
}

const suite = (file: string) => (VECTORS ? (readJson(VECTORS, `suites/${file}`) as OperatorCase[]) : []);

/** Inputs that a case gives, to be fixed. */
const fixed = ({ inputs }: OperatorCase, names: readonly string[]) =>
  Object.fromEntries(inputs.filter(({ name }) => names.includes(name)).map(({ name, data }) => [name, data]));

describe.skipIf(!VECTORS)(`operator tests of others${VECTORS ? "" : `: ${NO_VECTORS}`}`, () => {
  const own = suite("onnx-node-tests/head_cases.json");
  const runtime = suite("onnxruntime-op-tests/cases.json");
  it("are all there", () => {
    expect([own.length, runtime.length]).toEqual([18, 29]);
  });

  for (const one of [...own, ...runtime]) {
    it(`${one.name}, step by step`, () => stream(one, fileOf(one), {}));

    const ragged = one.inputs
      .find(({ name }) => name === "sequence_lens")
      ?.data.some((length) => length !== one.inputs[0].shape[0]);
    it(`${one.name}, ${ragged ? "of ragged lengths, is refused as one execution" : "as one execution"}`, () => {
      const bytes = fileOf(one);
      const options: ReadModelOptions = { constants: fixed(one, ["sequence_lens", "initial_h", "initial_c"]) };
      if (!ragged) execute(one, readModel(bytes, options));
      else expect(() => readModel(bytes, options)).toThrow("sequence_lens: expected");
    });
  }

  for (const folder of ["onnx-node-tests", "onnxruntime-op-tests"]) {
    const cases = folder === "onnx-node-tests" ? suite("onnx-node-tests/cases.json") : runtime;
    for (const one of cases) {
      const path = join(VECTORS as string, "suites", folder, "data", one.name, "model.onnx");
      it.skipIf(!existsSync(path))(`${folder}/${one.name}: the published file, its weights given as constants`, () => {
        const weights = fixed(one, ["W", "R", "B", "P"]);
        stream(one, new Uint8Array(readFileSync(path)), weights);
      });
    }
  }
});
