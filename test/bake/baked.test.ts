/**
 * Every random model of the conformance suite, baked: its outputs and states are those of a session, bit for bit, through the
 * wrapper; and what a host without JavaScript sees of the exports.
 */

import { describe, expect, it } from "vitest";
import { STATUS_ID, STATUS_OK, STATUS_STEPS } from "../../assembly/abi.ts";
import { bakeModel } from "../../src/bake.ts";
import { bytesOfText } from "../../src/binary-text.ts";
import { createSessionSync, type Model } from "../../src/index.ts";
import { expectSameState } from "../conformance/compare.ts";
import { argument, byName, joined, rows, runStream } from "../conformance/drive.ts";
import { randomInputs, randomModel, seeded } from "../conformance/models.ts";
import type { Trial } from "../conformance/random.ts";
import { operators } from "../conformance/random-operators.ts";
import { cell, recurrent } from "../conformance/random-recurrent.ts";
import { BUILDS } from "../kernels/machine.ts";
import { bake, open } from "./wrapper.ts";

const isSequenceModel = ({ nodes }: Model) => nodes.some(({ attrs }) => attrs.bidirectional || attrs.reverse);

const WORDS: Trial["layers"] = [
  { type: "embedding", name: "embed", numEmbeddings: 11, embeddingDim: 6 },
  cell("gru", 6, 9, { name: "gru" }),
  { type: "linear", name: "head", inFeatures: 9, outFeatures: 11 },
];

describe.each(BUILDS)("baked %s gives a session's bits", (variant) => {
  // Every third trial, other ones for each build.
  const trials = [...recurrent(), ...operators()].filter((_, i) => i % 3 === BUILDS.indexOf(variant));
  it.each(trials.map((trial) => [trial.name, trial] as const))("%s", async (name, trial) => {
    const model = randomModel(name, trial.layers, trial.options);
    const session = createSessionSync(model, { variant });
    const { wasm, wrapper } = await bake(model, { variant, maxSteps: 8 });
    const inputs = randomInputs(model, 20, seeded(`${name} baked`), trial.ids);
    const baked = wrapper.create(wasm);
    if (isSequenceModel(model)) {
      for (const steps of [8, 3]) {
        const xs = argument(model.inputs, rows(model, inputs, 0, steps));
        expectSameState("outputs", byName(model.outputs, baked.run(xs)), session.run(xs).outputs);
      }
      return;
    }
    // Steps, more at once than fit, fewer.
    const chunks = [1, 1, 12, 1, 5];
    const [got, expected] = [baked, session.stream()].map((stream) => runStream(stream, model, inputs, chunks));
    expectSameState("outputs", got.outputs, expected.outputs);
    expectSameState("state", got.state, expected.state);
  });
});

describe("a baked model", () => {
  const model = randomModel("words", WORDS, { initial: true });
  const tokens = randomInputs(model, 30, seeded("tokens"), 11)[0] as Int32Array;

  it("imports nothing, and is the weights, the binary and less than 8 KB", async () => {
    const { wasm } = await bake(model);
    const { module, exports } = open(wasm);
    expect(WebAssembly.Module.imports(module)).toEqual([]);
    expect(exports.abi_version()).toBe(1);
    const { weights } = createSessionSync(model, { variant: "simd" }).info.bytes;
    const empty = (await bake(randomModel("empty", [cell("gru", 1, 1)]))).wasm.length;
    expect(wasm.length - weights).toBeLessThan(empty + 8192);
    expect(wasm.length - weights).toBeLessThan(20_000 + 8192);
  });

  it("says its names, shapes, dtypes and strides in the section sluice", async () => {
    const { description } = open((await bake(model, { maxSteps: 5 })).wasm);
    expect(description).toMatchObject({
      version: 1,
      variant: "simd",
      maxSteps: 5,
      sequence: false,
      inputs: [{ name: model.inputs[0].name, dtype: "I32", shape: [], stride: 4, ids: 11 }],
      outputs: [{ name: "head", dtype: "F32", shape: [11], stride: 48 }],
      states: [{ name: "gru.h", shape: [1, 9], offset: 0, stride: 48 }],
    });
  });

  it("is read and stepped by these exports alone", async () => {
    const { wasm } = await bake(model, { maxSteps: 4 });
    const { exports, f32, i32 } = open(wasm);
    const stream = createSessionSync(model, { variant: "simd" }).stream();
    const at = exports.output_ptr(0) / 4;
    // The first step starts from the stored initial state, without a reset.
    for (let round = 0; round < 2; round++) {
      for (const token of tokens.subarray(0, 5)) {
        i32[exports.input_ptr(0) / 4] = token;
        expect(exports.step()).toBe(STATUS_OK);
        expect(f32.slice(at, at + 11)).toEqual(stream.step(token));
      }
      i32.set(tokens.subarray(5, 9), exports.input_ptr(0) / 4);
      expect(exports.run(4)).toBe(STATUS_OK);
      const expected = stream.run(tokens.slice(5, 9));
      for (let s = 0; s < 4; s++) {
        expect(f32.slice(at + s * 12, at + s * 12 + 11)).toEqual(expected.slice(s * 11, (s + 1) * 11));
      }
      expect(exports.reset()).toBe(STATUS_OK);
      stream.reset();
    }
  });

  it("answers 3 for an id outside its table and 2 for too many steps, and its state stays", async () => {
    const { wasm } = await bake(model, { maxSteps: 4 });
    const { exports, f32, i32 } = open(wasm);
    const state = () => f32.slice(exports.state_ptr() / 4, (exports.state_ptr() + exports.state_size()) / 4);
    exports.step();
    const before = state();
    for (const id of [11, -1, 0x7fffffff, -0x80000000]) {
      i32[exports.input_ptr(0) / 4] = id;
      expect([exports.step(), exports.run(1)]).toEqual([STATUS_ID, STATUS_ID]);
    }
    i32.set([0, 0, 0, 11], exports.input_ptr(0) / 4);
    expect(exports.run(4)).toBe(STATUS_ID);
    for (const t of [5, -1, 0x7fffffff]) expect(exports.run(t)).toBe(STATUS_STEPS);
    expect(state()).toEqual(before);
  });

  it("takes a whole sequence only, where a layer runs backwards", async () => {
    const both = randomModel("both", [cell("lstm", 3, 5, { bidirectional: true })]);
    const { wasm, wrapper } = await bake(both, { maxSteps: 6 });
    expect(open(wasm).exports.step()).toBe(STATUS_STEPS);
    const baked = wrapper.create(wasm);
    expect(Object.keys(baked)).toEqual(["run"]);
    expect(() => baked.run(new Float32Array(7 * 3))).toThrow(
      new RangeError('"xs" expected at most 6 steps (--max-steps), got 7'),
    );
  });

  it("gives the last row alone of a sequence model's last", async () => {
    const last = randomModel("last", [
      cell("gru", 3, 5, { bidirectional: true }),
      { type: "last", name: "end" },
      { type: "linear", name: "head", inFeatures: 10, outFeatures: 2 },
    ]);
    const xs = randomInputs(last, 6, seeded("last"))[0] as Float32Array;
    const { wasm, wrapper } = await bake(last);
    const expected = createSessionSync(last, { variant: "simd" }).run(xs).output;
    expect(wrapper.create(wasm).run(xs)).toEqual(expected);
    expect(expected).toHaveLength(2);
  });

  it("gives zeros as the last row of no steps, as a session does", async () => {
    const last = randomModel("none", [cell("gru", 3, 5, { bidirectional: true }), { type: "last", name: "end" }]);
    const none = new Float32Array();
    const { wasm, wrapper } = await bake(last);
    const expected = createSessionSync(last, { variant: "simd" }).run(none).output;
    expect(wrapper.create(wasm).run(none)).toEqual(expected);
    expect(expected).toHaveLength(10);
  });

  it("saves and loads the bytes of a session's stream", async () => {
    const { wasm, wrapper } = await bake(model);
    const stream = createSessionSync(model, { variant: "simd" }).stream();
    const baked = wrapper.create(new WebAssembly.Module(wasm));
    baked.run(tokens);
    stream.run(tokens);
    expect(baked.save()).toEqual(stream.save());
    const again = wrapper.create(wasm);
    again.load(stream.save());
    expect(again.step(3)).toEqual(stream.step(3));
    again.reset();
    stream.reset();
    expect(again.state).toEqual(stream.state);
    again.setState({ "gru.h": new Float32Array(9) });
    expect(again.state).toEqual({ "gru.h": new Float32Array(9) });
    const other = createSessionSync(randomModel("other words", WORDS)).stream().save();
    expect(() => again.load(other)).toThrow("state: expected that of model");
  });

  it("checks what it is given, and has one state", async () => {
    const { wasm, wrapper } = await bake(model);
    const baked = wrapper.create(wasm);
    expect(() => baked.step(11)).toThrow(new RangeError(`"${model.inputs[0].name}" expected 0…10, got 11`));
    expect(() => baked.run(new Float32Array(3) as never)).toThrow(TypeError);
    expect(() => baked.clone()).toThrow("stream: a baked model has one state; create it once more.");
  });

  it("is refused by the wrapper of another model, and so is the package's own binary", async () => {
    const { wrapper } = await bake(model);
    const others = [randomModel("other words", WORDS, { initial: true }), randomModel("wider", [cell("gru", 6, 2)])];
    const wasms = await Promise.all(others.map(async (other) => (await bake(other)).wasm));
    wasms.push((await bake(model, { maxSteps: 65 })).wasm);
    const { simd } = await import("../../build/kernels.ts");
    for (const wasm of [...wasms, bytesOfText(simd)]) {
      expect(() => wrapper.create(wasm)).toThrow(
        expect.objectContaining({ code: "ERR_VARIANT", message: expect.stringContaining("baked with this wrapper") }),
      );
    }
  });

  it("grows its memory for weights of megabytes", async () => {
    const large = randomModel("large", [cell("gru", 256, 300)]);
    const { wasm, wrapper } = await bake(large);
    const [xs] = randomInputs(large, 3, seeded("large"));
    const expected = createSessionSync(large, { variant: "simd" }).stream().run(xs);
    expect(wrapper.create(wasm).run(xs)).toEqual(expected);
  });

  it("comes out the same, byte for byte, when it is baked again", async () => {
    expect(Buffer.compare((await bake(model)).wasm, (await bake(model)).wasm)).toBe(0);
  });
});

describe("names of a hostile file", () => {
  const names = ["__proto__", "*/ export {", "a\u2028b\u202e", '"`$' + "{x}\\", "constructor"];

  it("are data wherever they stand", async () => {
    const layers = names.slice(1).map((name) => cell("gru", 2, 3, { name, inputs: [names[0]] }));
    const model = randomModel("hostile", layers, {
      inputs: [{ name: names[0], dtype: "F32", shape: [2] }],
      outputs: names.slice(1),
      info: { description: "</script>\n// ", labels: names },
    } as Trial["options"]);
    const { wasm, wrapper } = await bake(model);
    const { js, dts } = bakeModel(model, "model");
    for (const text of [js, dts]) expect(text).not.toMatch(/[\u2028\u202e]/);
    expect(open(wasm).description.outputs.map(({ name }) => name)).toEqual(names.slice(1));
    expect(wrapper.inputs[0].name).toBe("__proto__");
    const baked = wrapper.create(wasm);
    const [xs] = randomInputs(model, 2, seeded("hostile"));
    const expected = createSessionSync(model, { variant: "simd" }).stream().run(xs);
    expect(baked.run(xs)).toEqual(expected);
    expect(joined([byName(model.outputs, expected)])).toEqual(expected);
  });
});

describe("bakeModel", () => {
  const model = randomModel("plain", [cell("gru", 2, 3)]);

  it.each([
    [() => bakeModel({} as Model, "model"), '"model" expected a Model, got Object'],
    [() => bakeModel(model, 1 as never), '"name" expected string, got Number'],
    [
      () => bakeModel(model, "model", { variant: "reference" as never }),
      '"variant" expected simd, relaxed, got reference',
    ],
    [() => bakeModel(model, "model", { maxSteps: 0 }), '"maxSteps" expected an integer ≥ 1, got 0'],
    [() => bakeModel(model, "model", { maxSteps: 1e9 }), "maxSteps: expected an instance of at most 4 GiB; got"],
    [
      () => bakeModel(model, "model", { presicion: "int8" } as object),
      '"options" expected variant, precision, maxSteps, got presicion',
    ],
  ])("checks its arguments: %#", (call, message) => {
    expect(call).toThrow(message);
  });

  it("refuses more inputs than the header lists", () => {
    const inputs = Array.from({ length: 17 }, (_, i) => ({ name: `x${i}`, dtype: "F32" as const, shape: [1] }));
    const many = randomModel("many", [{ type: "concat", name: "all", inputs: inputs.map(({ name }) => name) }], {
      inputs,
    });
    expect(() => bakeModel(many, "model")).toThrow("inputs: expected at most 16 to bake; got 17.");
  });
});
