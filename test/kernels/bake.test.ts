/**
 * The entry points of a baked model, driven as a host without JavaScript would: a header written by hand from assembly/abi.ts
 * before programs, weights and an initial state that are laid out by hand too. They give the bits of a session of the model.
 */

import { describe, expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { createSessionSync, type Tensor } from "../../src/index.ts";
import { randomModel, seeded, uniform } from "../conformance/models.ts";
import { BUILDS, floatWord, gateVector, Machine, padded, panels, unitPanels } from "./machine.ts";

const [I, H, O] = [3, 6, 2];
const ROWS = 5;
const model = randomModel(
  "baked",
  [
    { type: "gru", name: "rnn", inputSize: I, hiddenSize: H },
    { type: "linear", name: "head", inFeatures: H, outFeatures: O },
  ],
  { initial: true },
);
const frames = uniform(seeded("frames"), 12 * I, -2, 2);

function tensor(name: string): Float32Array {
  return (model.tensors.get(name) as Tensor).data as Float32Array;
}

/** The model in a memory of its own, with its header. */
function bake(build: (typeof BUILDS)[number]) {
  const machine = new Machine(build);
  const [gxStride, hStride, xStride, yStride] = [3 * padded(H) * 4, padded(H) * 4, padded(I) * 4, padded(O) * 4];
  const weights = {
    w: machine.put(unitPanels(tensor("rnn.weight_ih_l0"), H, I)),
    // b_ih + b_hh in one, but for n: its b_hh stands behind the reset.
    b: machine.put(
      gateVector(
        tensor("rnn.bias_ih_l0").map((b, i) => (i < 2 * H ? b + tensor("rnn.bias_hh_l0")[i] : b)),
        3,
        H,
      ),
    ),
    u: machine.put(unitPanels(tensor("rnn.weight_hh_l0"), H, H)),
    bHn: machine.put(gateVector(tensor("rnn.bias_hh_l0").subarray(2 * H), 1, H)),
    head: machine.put(panels(tensor("head.weight"), O, H)),
    headBias: machine.put(gateVector(tensor("head.bias"), 1, O)),
  };
  const x = machine.take(ROWS * xStride);
  const y = machine.take(ROWS * yStride);
  const gx = machine.take(ROWS * gxStride);
  const rows = machine.take(ROWS * hStride);
  const scratch = machine.take(hStride);
  const state = machine.take(hStride);
  const initial = machine.put(gateVector(tensor("rnn.h0"), 1, H));

  const f = (name: number) => [name, 0, 0];
  const cell = [
    gx,
    gxStride,
    rows,
    hStride,
    0,
    0 | 1,
    0,
    machine.take(ROWS * hStride),
    0,
    H,
    H,
    0,
    floatWord(Infinity),
    1,
    0,
    x,
    xStride,
    I,
    weights.w,
    weights.b,
  ];
  const program = machine.program(
    ROWS,
    [abi.OP_GRU, ...cell, ...f(abi.F_SIGMOID), ...f(abi.F_TANH), ...f(abi.F_TANH), weights.u, 0, weights.bHn, scratch],
    [abi.OP_LINEAR, y, yStride, weights.head, weights.headBias, padded(O), H, rows, hStride, 0],
  );
  const { u32 } = machine;
  const header = (offset: number, value: number) => {
    u32[(abi.HEADER + offset) / 4] = value;
  };
  header(abi.H_MAGIC, abi.BAKE_MAGIC);
  header(abi.H_VERSION, abi.BAKE_VERSION);
  header(abi.H_STEP, program);
  header(abi.H_RUN, program);
  header(abi.H_STATE, state);
  header(abi.H_STATE_BYTES, hStride);
  header(abi.H_INITIAL, initial);
  header(abi.H_INPUTS, 1);
  header(abi.H_OUTPUTS, 1);
  header(abi.H_PORT_LIST, x);
  header(abi.H_PORT_LIST + abi.H_PORTS * 4, y);
  return { machine, header, x, y, state, xStride, yStride, hStride };
}

describe.each(BUILDS)("a baked model on the %s build", (build) => {
  it("says where its rows and its state lie", () => {
    const { machine, x, y, state, hStride } = bake(build);
    const { exports } = machine;
    expect(exports.abi_version()).toBe(abi.BAKE_VERSION);
    expect([exports.input_ptr(0), exports.output_ptr(0), exports.state_ptr()]).toEqual([x, y, state]);
    expect(exports.state_size()).toBe(hStride);
    for (const i of [1, 15, 16, 0xffffffff]) expect([exports.input_ptr(i), exports.output_ptr(i)]).toEqual([0, 0]);
  });

  it("reset, step and run give the bits of a session's stream", () => {
    const { machine, x, y, state, xStride, yStride } = bake(build);
    const { exports, f32 } = machine;
    const stream = createSessionSync(model, { variant: build }).stream();
    for (let round = 0; round < 2; round++) {
      expect(exports.reset()).toBe(abi.STATUS_OK);
      stream.reset();
      expect(f32.slice(state / 4, state / 4 + H)).toEqual(tensor("rnn.h0"));
      // 4 steps, then 5 and 3 at once.
      for (let t = 0; t < 4; t++) {
        const frame = frames.subarray(t * I, (t + 1) * I);
        f32.set(frame, x / 4);
        expect(exports.step()).toBe(abi.STATUS_OK);
        expect(f32.slice(y / 4, y / 4 + O)).toEqual(stream.step(frame));
      }
      for (const [from, steps] of [
        [4, 5],
        [9, 3],
      ]) {
        for (let s = 0; s < steps; s++) {
          f32.set(frames.subarray((from + s) * I, (from + s + 1) * I), (x + s * xStride) / 4);
        }
        expect(exports.run(steps)).toBe(abi.STATUS_OK);
        const expected = stream.run(frames.subarray(from * I, (from + steps) * I));
        for (let s = 0; s < steps; s++) {
          const at = (y + s * yStride) / 4;
          expect(f32.slice(at, at + O)).toEqual(expected.slice(s * O, (s + 1) * O));
        }
      }
      expect(f32.slice(state / 4, state / 4 + H)).toEqual(stream.state["rnn.h"]);
    }
  });

  it("run refuses more steps than it was planned for, and no steps are none", () => {
    const { machine } = bake(build);
    const { exports } = machine;
    const solo = [abi.SOLO, abi.SOLO + abi.MEMBER_BYTES] as const;
    machine.expectWrites([solo], () => exports.run(ROWS + 1), abi.STATUS_STEPS);
    machine.expectWrites([solo], () => exports.run(0xffffffff), abi.STATUS_STEPS);
    machine.expectWrites([solo], () => exports.run(0), abi.STATUS_OK);
  });

  it("knows the listed ports and no others, however many the header counts", () => {
    const { machine, header } = bake(build);
    const { exports } = machine;
    // A list that is full: input i at 16 · (i + 1), output i at 4096 + 16 · i; the header counts more than it lists.
    for (let i = 0; i < abi.H_PORTS; i++) {
      header(abi.H_PORT_LIST + i * 4, 16 * (i + 1));
      header(abi.H_PORT_LIST + (abi.H_PORTS + i) * 4, 4096 + 16 * i);
    }
    header(abi.H_INPUTS, 3);
    header(abi.H_OUTPUTS, abi.H_PORTS + 4);
    expect([exports.input_ptr(2), exports.input_ptr(3)]).toEqual([48, 0]);
    expect(exports.output_ptr(abi.H_PORTS - 1)).toBe(4096 + 16 * (abi.H_PORTS - 1));
    expect(exports.output_ptr(abi.H_PORTS)).toBe(0);
    header(abi.H_INPUTS, abi.H_PORTS + 4);
    expect(exports.input_ptr(abi.H_PORTS)).toBe(0);
  });

  it("step and run walk programs of their own", () => {
    const { machine, header } = bake(build);
    header(abi.H_RUN, machine.program(2));
    expect(machine.exports.run(3)).toBe(abi.STATUS_STEPS);
    expect(machine.exports.step()).toBe(abi.STATUS_OK);
    header(abi.H_STEP, machine.program(0));
    expect(machine.exports.run(2)).toBe(abi.STATUS_OK);
    expect(machine.exports.step()).toBe(abi.STATUS_STEPS);
  });

  it("reset writes the state and nothing else", () => {
    const { machine, state, hStride } = bake(build);
    machine.expectWrites([[state, state + hStride]], () => machine.exports.reset());
  });

  it.each([
    ["another magic", abi.H_MAGIC, abi.BAKE_MAGIC + 1],
    ["a later version", abi.H_VERSION, abi.BAKE_VERSION + 1],
  ])("a header with %s is none", (_, offset, value) => {
    const { machine, header } = bake(build);
    const { exports } = machine;
    header(offset, value);
    for (const call of [exports.step, exports.reset, () => exports.run(1)]) {
      machine.expectWrites([], call, abi.STATUS_NOT_BAKED);
    }
    expect([exports.state_ptr(), exports.state_size(), exports.input_ptr(0), exports.output_ptr(0)]).toEqual([
      0, 0, 0, 0,
    ]);
  });
});
