/**
 * Native files whose quantised weights are wrong: each is refused with its code, and the message names the tensor or the
 * place. The same for models that a caller makes.
 */

import { describe, expect, it } from "vitest";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import {
  createSessionSync,
  modelFromLayers,
  quantizeModel,
  readModel,
  readSafetensors,
  type Tensor,
  writeSafetensors,
} from "../../src/index.ts";
import { tensors } from "../tensors.ts";

const MODEL = quantizeModel(
  modelFromLayers(
    [
      { type: "gru", name: "g" },
      { type: "layerNorm", name: "n" },
      { type: "linear", name: "w" },
    ],
    tensors({
      "g.weight_ih_l0": [12, 3],
      "g.weight_hh_l0": [12, 4],
      "g.bias_ih_l0": [12],
      "g.bias_hh_l0": [12],
      "n.weight": [4],
      "n.bias": [4],
      "w.weight": [5, 4],
      "w.bias": [5],
    }),
  ),
);
const BYTES = writeSafetensors(MODEL);

/** The graph of BYTES. */
function graph(): { quant: Record<string, unknown> } {
  const length = new DataView(BYTES.buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(BYTES.subarray(8, 8 + length)));
  return JSON.parse(header.__metadata__.sluice);
}

const f32 = (name: string, ...numbers: number[]): Tensor => ({
  name,
  dtype: "F32",
  shape: [numbers.length],
  data: Float32Array.from(numbers),
});

type Change = (quant: Record<string, unknown>, tensors: Map<string, Tensor>) => void;

/** BYTES with other quant and tensors. */
function file(change: Change): Uint8Array {
  const all = readSafetensors(BYTES);
  const changed = graph();
  change(changed.quant, all);
  return encodeSafetensors(all.values(), [["sluice", JSON.stringify(changed)]]);
}

const ROW = { scale: "w.weight.scale", axis: 0 };

const FILES: [what: string, change: Change, code: string, names: string][] = [
  ["a scale that is not there", (_, t) => t.delete("w.weight.scale"), "ERR_MISSING_TENSOR", "w.weight.scale"],
  [
    "a weight that is not there",
    (q) => Object.assign(q, { x: { scale: "x.scale", axis: 0 } }),
    "ERR_MISSING_TENSOR",
    "x",
  ],
  ["a scale that quant does not name", (q) => delete q["w.weight"], "ERR_UNUSED_TENSOR", "w.weight.scale"],
  [
    "another name for the scale",
    (q) => Object.assign(q, { "w.weight": { ...ROW, scale: "w.bias" } }),
    "ERR_GRAPH",
    "quant",
  ],
  ["another axis", (q) => Object.assign(q, { "w.weight": { ...ROW, axis: 1 } }), "ERR_GRAPH", "axis"],
  ["no axis", (q) => Object.assign(q, { "w.weight": { scale: ROW.scale } }), "ERR_GRAPH", "axis"],
  ["a zero point", (q) => Object.assign(q, { "w.weight": { ...ROW, zero: 3 } }), "ERR_GRAPH", "zero"],
  ["no record", (q) => Object.assign(q, { "w.weight": "w.weight.scale" }), "ERR_GRAPH", "w.weight"],
  [
    "a scale too few",
    (_, t) => t.set("w.weight.scale", f32("w.weight.scale", 1, 1, 1, 1)),
    "ERR_SHAPE",
    "w.weight.scale",
  ],
  [
    "a scale of rank 2",
    (_, t) => t.set("w.weight.scale", { ...f32("w.weight.scale", 1, 1, 1, 1, 1), shape: [5, 1] }),
    "ERR_SHAPE",
    "w.weight.scale",
  ],
  [
    "a scale of another type",
    (_, t) =>
      t.set("w.weight.scale", {
        name: "w.weight.scale",
        dtype: "F16",
        shape: [5],
        data: new Uint16Array(5).fill(0x3c00),
      }),
    "ERR_SHAPE",
    "w.weight.scale",
  ],
  [
    "a negative scale",
    (_, t) => t.set("w.weight.scale", f32("w.weight.scale", 1, 1, -1, 1, 1)),
    "ERR_NON_FINITE",
    "row 2",
  ],
  [
    "a scale of NaN",
    (_, t) => t.set("w.weight.scale", f32("w.weight.scale", 1, 1, 1, 1, NaN)),
    "ERR_NON_FINITE",
    "row 4",
  ],
  [
    "an infinite scale",
    (_, t) => t.set("w.weight.scale", f32("w.weight.scale", Infinity, 1, 1, 1, 1)),
    "ERR_NON_FINITE",
    "row 0",
  ],
  [
    "weights of another type",
    (_, t) => t.set("w.weight", { name: "w.weight", dtype: "U8", shape: [5, 4], data: new Uint8Array(20) }),
    "ERR_DTYPE",
    "w.weight",
  ],
  [
    "a quantised vector",
    (q, t) => {
      q["n.weight"] = { scale: "n.weight.scale", axis: 0 };
      t.set("n.weight", { name: "n.weight", dtype: "I8", shape: [4], data: new Int8Array(4) });
      t.set("n.weight.scale", f32("n.weight.scale", 1, 1, 1, 1));
    },
    "ERR_DTYPE",
    "n.weight",
  ],
  [
    "a scale that is quantised itself",
    (q, t) => {
      q["w.weight.scale"] = { scale: "w.weight.scale.scale", axis: 0 };
      t.set("w.weight.scale.scale", f32("w.weight.scale.scale", 1, 1, 1, 1, 1));
    },
    "ERR_MISSING_TENSOR",
    "w.weight.scale",
  ],
  ["a prototype", (q) => Object.defineProperty(q, "__proto__", { value: ROW, enumerable: true }), "ERR_GRAPH", "scale"],
];

describe("a file with wrong quantised weights is refused", () => {
  it.each(FILES)("%s", (_, change, code, names) => {
    expect(() => readModel(file(change))).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(names) }),
    );
  });

  it("and one with right ones is not", () => {
    const model = readModel(file(() => {}));
    expect(writeSafetensors(model)).toEqual(BYTES);
    expect([...model.tensors.keys()].filter((name) => name.endsWith(".scale"))).toEqual([]);
    // A row of zeros has the scale 0.
    const zero = readModel(file((_, t) => t.set("w.weight.scale", f32("w.weight.scale", 0, 1, 1, 1, 1))));
    expect(createSessionSync(zero).stream().step(new Float32Array(3))[0]).toBe(
      (zero.tensors.get("w.bias") as Tensor).data[0],
    );
  });
});

describe("a model with wrong quantised weights is refused", () => {
  const WEIGHT = MODEL.tensors.get("w.weight") as Tensor;
  it.each([
    ["a list for the scale", [1, 1, 1, 1, 1] as unknown as Float32Array, "ERR_SHAPE"],
    ["a scale too many", new Float32Array(6), "ERR_SHAPE"],
    ["a scale of NaN", Float32Array.of(1, NaN, 1, 1, 1), "ERR_NON_FINITE"],
  ])("%s", (_, scale, code) => {
    const broken = { ...MODEL, tensors: new Map(MODEL.tensors).set("w.weight", { ...WEIGHT, scale }) };
    expect(() => createSessionSync(broken)).toThrow(expect.objectContaining({ code }));
  });

  it("more columns than sums of integers are exact for", () => {
    const columns = 2 ** 17 + 4;
    const wide = (tensor: Partial<Tensor>) =>
      modelFromLayers(
        [{ type: "linear", name: "w", bias: false }],
        new Map([
          [
            "w.weight",
            { name: "w.weight", dtype: "F32", shape: [1, columns], data: new Float32Array(columns), ...tensor },
          ],
        ]),
      );
    const int8 = { dtype: "I8", data: new Int8Array(columns), scale: Float32Array.of(1) } as const;
    expect(() => wide(int8)).toThrow(expect.objectContaining({ code: "ERR_SHAPE" }));
    expect(() => createSessionSync(wide({}), { precision: "int8", variant: "simd" })).toThrow(
      expect.objectContaining({ code: "ERR_SHAPE" }),
    );
  });

  it("weights that are not finite have no scale", () => {
    const data = Float32Array.of(1, 2, NaN, 3);
    const model = modelFromLayers(
      [{ type: "linear", name: "w", bias: false }],
      new Map([["w.weight", { name: "w.weight", dtype: "F32", shape: [2, 2], data }]]),
      { nonFinite: "allow" },
    );
    expect(() => quantizeModel(model)).toThrow(expect.objectContaining({ code: "ERR_NON_FINITE", tensor: "w.weight" }));
  });

  it("operators that the entry lacks are named", () => {
    const model = { ...MODEL, nodes: [{ name: "square", op: "mul", inputs: ["x", "x"], outputs: ["y"], attrs: {} }] };
    expect(() => quantizeModel(model)).toThrow(
      expect.objectContaining({ code: "ERR_UNSUPPORTED_OP", message: expect.stringContaining("square (mul)") }),
    );
  });
});
