/**
 * A recurrent layer that scans an axis of its own input → one record for each layer and direction. The core's own lowering
 * says what the cell needs; it is given a frame in which the steps of the scan are the rows (T · B of them) and B members
 * have their states side by side.
 */

import { OP_SCAN } from "../../../assembly/abi.ts";
import type { Node } from "../../model.ts";
import { type Place, paddedBytes, type Rows, record } from "../../program.ts";
import { CORE } from "../core.ts";
import type { GraphLowering } from "./lowering.ts";
import { shifted } from "./nest.ts";

/** A state that the caller gives or wants: none where its name is "". */
interface Port {
  readonly place: Place | 0;
  readonly stride: number;
}

export function lowerScan(to: GraphLowering, node: Node): void {
  const { op, inputs, outputs, attrs } = node;
  const [T, B] = to.shaped(inputs[0]).shape;
  const hidden = attrs.hiddenSize as number;
  const sizes = op === "lstm" ? [(attrs.projSize || hidden) as number, hidden] : [hidden];
  const stateBytes = sizes.reduce((sum, size) => sum + paddedBytes(size), 0);
  const count = (attrs.numLayers as number) * (attrs.bidirectional ? 2 : 1);
  const members = to.scratch(B * 8);
  const states = to.scratch(B * stateBytes);
  const given = sizes.map((_, i) => (inputs[1 + i] ? to.value(inputs[1 + i]) : undefined));
  const wanted = sizes.map((size, i) => (outputs[1 + i] ? to.define(outputs[1 + i], count * B * size) : undefined));
  const y = outputs[0] === "" ? undefined : outputs[0];
  let from: Rows | undefined;
  let done = 0;

  const frame: GraphLowering = {
    ...to,
    // Rows of one step and member, one after another.
    value: (name) => ({ ...to.value(name), size: to.value(name).size / (T * B) }),
    define(name, size) {
      const rows = name === outputs[0] ? to.define(y ?? to.fresh(), T * B * size) : to.define(name, T * B * size);
      return { ...rows, stride: size * 4, size };
    },
    shared: (region, stride) => to.scratch(stride * (region === "gx" ? T * B : B)),
    panels: to.wide,
    quantized: () => 0,
    // h, then c: where they stand in a member's states.
    state: (name) => ({ region: "state", offset: /(^|\.)c$/.test(name) ? paddedBytes(sizes[0]) : 0 }),
    // The kernel says which row of the execution it scans: x has no place here.
    input(_, x, weights, bias, _times, units) {
      from = to.value(x);
      const k = from.size / (T * B);
      return [0, k * 4, k, to.wide(weights, k, units), to.vector(bias)];
    },
    emit(opcode, ...all) {
      const { operands } = record(opcode, ...all);
      const x = from as Rows;
      const at = (rows: Rows | undefined, size: number): Port =>
        rows ? { place: shifted(rows.place, done * B * size * 4), stride: rows.stride } : { place: 0, stride: 0 };
      const ports = [
        ...sizes.map((size, i) => at(given[i], size)),
        ...(sizes.length < 2 ? [at(undefined, 0)] : []),
      ].concat(
        sizes.map((size, i) => at(wanted[i], size)),
        sizes.length < 2 ? [at(undefined, 0)] : [],
      );
      const [, , place, stride] = operands;
      to.emit(
        OP_SCAN,
        place,
        paddedBytes((T * B * (stride as number)) / 4),
        x.place,
        x.stride,
        T,
        B,
        ...ports.flatMap((port) => [port.place, port.stride]),
        members,
        states,
        opcode,
        operands.length + 2,
        ...operands,
      );
      done++;
    },
  };
  CORE[op].lower(frame, node);
}
