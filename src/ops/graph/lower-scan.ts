/**
 * A recurrent layer that scans an axis of its own input → one record for each layer and direction. The core's own lowering
 * says what the cell needs; it is given a frame in which the steps of the scan are the rows (T · B of them) and B members
 * have their states side by side.
 */

import { OP_SCAN } from "../../../assembly/abi.ts";
import type { Node } from "../../model.ts";
import { type Place, paddedBytes, type Rows } from "../../program.ts";
import { CORE } from "../core.ts";
import type { GraphLowering } from "./lowering.ts";
import { shifted } from "./nest.ts";

/** The input product that comes before a cell's record. */
interface Product {
  readonly x: Rows;
  readonly weights: Place;
  readonly bias: Place;
  readonly n: number;
}

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
  let product: Product | undefined;
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
    product(_, x, weights, bias) {
      const n = weights.reduce((sum, { rows }) => sum + paddedBytes(rows), 0) / 4;
      const rows = to.value(x);
      product = { x: rows, weights: to.wide(weights, rows.size / (T * B)), bias: to.vector(bias), n };
    },
    emit(opcode, ...operands) {
      const { x, weights, bias, n } = product as Product;
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
        weights,
        bias,
        n,
        x.size / (T * B),
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
