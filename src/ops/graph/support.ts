/**
 * What graphs need beside their operators: states that pair an output with an input, and plans that give the bytes of values
 * out again once nobody reads them.
 */

import { OP_GRU, OP_KEEP, OP_LSTM, OP_PACK, OP_RNN, OP_STATE_READ, OP_STATE_WRITE } from "../../../assembly/abi.ts";
import { ModelError } from "../../errors.ts";
import type { PlanFrame } from "../../frame.ts";
import type { StateInfo } from "../../model.ts";
import { printable } from "../../printable.ts";
import { byUnits, type Place, paddedBytes } from "../../program.ts";
import { elements, shapeText } from "../../tensor.ts";
import type { GraphSupport } from "../op.ts";
import { type Buffer, createBuffers } from "./buffers.ts";
import type { GraphLowering } from "./lowering.ts";

/** What writes states before the end of an execution. */
const CARRIES: readonly number[] = [OP_RNN, OP_GRU, OP_LSTM];

export const support: GraphSupport = {
  checkStates(values, states, tensors, sequenceNode) {
    if (sequenceNode !== undefined && states.length > 0)
      throw new ModelError(
        "ERR_SEQUENCE_AXIS",
        `${sequenceNode}: runs backwards over time, which no step can beside the state "${printable(states[0].name)}".`,
      );
    for (const { name, shape, output = "", initial } of states) {
      const wrong = (what: string, got: string) => {
        throw new ModelError("ERR_SHAPE", `${what} of ${shapeText(shape)}; got ${got}`, { tensor: initial });
      };
      const first = initial === undefined ? { shape } : tensors.get(initial);
      if (`${first?.shape}` !== `${shape}`)
        wrong(`${initial}: expected a tensor`, first ? shapeText(first.shape) : "none");
      const last = values.get(output);
      if (last?.dtype !== "F32" || `${last.shape}` !== `${shape}`)
        wrong(`${name}: expected "${output}"`, last ? `${shapeText(last.shape)} of ${last.dtype}` : "none");
    }
  },

  extend(frame) {
    const { model, rows, values, outputs, uses, load, body, checks, states, stateBytes, to, take, shapes } = frame;
    const buffers = createBuffers((bytes) => take("scratch", bytes).offset);
    const owners = new Map<string, Buffer>();
    // What the node at hand has taken: it goes after the node, unless somebody reads it later.
    let taken: Buffer[] = [];
    const hold = (bytes: number, readers: number): Buffer => {
      const buffer = { at: buffers.take(bytes), bytes, readers };
      taken.push(buffer);
      return buffer;
    };
    const share = (name: string, of: string) => {
      const owner = owners.get(of);
      if (owner === undefined) return;
      owner.readers += uses.get(name) ?? 0;
      owners.set(name, owner);
    };
    const paired = model.states.flatMap((state: StateInfo, i) => (state.input ? [{ ...state, ...states[i] }] : []));
    const shaped = (name: string) => shapes.get(name) as NonNullable<ReturnType<PlanFrame["shapes"]["get"]>>;

    const lowering: Omit<GraphLowering, keyof PlanFrame["to"]> & Pick<GraphLowering, "define" | "alias"> = {
      shaped,
      define(name, size) {
        let y = outputs.get(name);
        if (y === undefined) {
          const stride = paddedBytes(size);
          const buffer = hold(rows * stride, uses.get(name) ?? 0);
          owners.set(name, buffer);
          y = { place: { region: "scratch", offset: buffer.at }, stride, size };
        }
        values.set(name, y);
        return y;
      },
      scratch: (bytes) => ({ region: "scratch", offset: hold(bytes, 0).at }),
      integers(numbers) {
        const at = take("weights", numbers.length * 4);
        load.push({ kind: "integers", at, values: numbers });
        return at;
      },
      tensor(tensor, size, ids = false) {
        const at = take("weights", paddedBytes(size));
        if (ids) load.push({ kind: "integers", at, values: model.tensors.get(tensor)?.data as Int32Array });
        else load.push({ kind: "rows", at, blocks: [{ tensors: [tensor], firstRow: 0, rows: size }], columns: 1 });
        return at;
      },
      matrix(tensor, size) {
        const at = to.shared("matrix", (size * 4) / rows);
        load.push({ kind: "rows", at, blocks: [{ tensors: [tensor], firstRow: 0, rows: size }], columns: 1 });
        return at;
      },
      wide(blocks, columns, units = false) {
        const n = blocks.reduce((sum, { rows }) => sum + paddedBytes(rows), 0) / 4;
        const at = take("weights", n * columns * 4);
        const matrix = to.shared("matrix", (n * columns * 4) / rows);
        load.push({ kind: "rows", at: matrix, blocks: units ? byUnits(blocks) : blocks, columns });
        frame.runOnce(0, OP_PACK, at, matrix, n, columns, Number(units));
        return at;
      },
      once: (op, ...operands) => frame.runOnce(1, op, ...operands),
      weights: (bytes) => take("weights", bytes),
      constant(name, tensor) {
        const { shape, dtype } = shaped(name);
        const size = elements(shape);
        values.set(name, { place: lowering.tensor(tensor, size, dtype === "I32"), stride: 0, size });
      },
      alias(name, of, first = 0, size) {
        const x = to.value(of);
        share(name, of);
        const place = { region: x.place.region, offset: x.place.offset + first * 4 };
        values.set(name, size === undefined ? x : { place, stride: x.stride, size });
      },
      overwrite(name, of) {
        const x = to.value(of);
        if (owners.get(of)?.readers !== 1 || outputs.has(name)) return to.define(name, x.size);
        share(name, of);
        values.set(name, x);
        return x;
      },
      check(op, ...operands) {
        const [ids] = operands as readonly Place[];
        if (ids.region === "io") {
          checks.push({ op, operands: [...operands, 0, 0] });
          return;
        }
        // A record before this one may have written a state: then all states are kept at the start, and come back.
        const kept = body.some((record) => CARRIES.includes(record.op)) ? to.shared("kept", stateBytes) : 0;
        if (kept !== 0 && checks[0]?.op !== OP_KEEP) checks.unshift({ op: OP_KEEP, operands: [kept, stateBytes] });
        to.emit(op, ...operands, kept, stateBytes);
      },
    };

    return {
      lowering,
      begin() {
        for (const { input, offset, size } of paired) {
          const y = to.define(input as string, size);
          to.emit(OP_STATE_READ, y.place, y.stride, offset, size);
        }
        taken = [];
      },
      after({ inputs }) {
        for (const buffer of taken) if (buffer.readers === 0) buffers.free(buffer);
        taken = [];
        for (const name of inputs) {
          const owner = owners.get(name);
          if (owner !== undefined && --owner.readers === 0) buffers.free(owner);
        }
      },
      end(copies) {
        for (const { output, offset, size } of paired) {
          const x = to.value(output as string);
          copies.push({ op: OP_STATE_WRITE, operands: [x.place, x.stride, offset, size] });
        }
        // Kernels of graphs read whole vectors, past the last element of the last row too.
        for (const region of ["scratch", "weights"] as const) take(region, 64);
      },
    };
  },
};
