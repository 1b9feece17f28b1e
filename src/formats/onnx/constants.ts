/** Operators that fold away: Constant, ConstantOfShape, Shape, Size, Range. */

import { elements } from "../../tensor.ts";
import type { OnnxOp, Step } from "./step.ts";
import type { Constant } from "./tensor.ts";
import { type Elements, newElements, TIME } from "./value.ts";

/** What a Constant holds, by its one attribute. */
function constant(step: Step): Constant {
  const names = [...step.node.attributes.keys()];
  if (names.length !== 1) throw step.error("ERR_ATTRIBUTE", `expected one value; got ${names.join(", ") || "none"}.`);
  const number = (kind: "F32" | "I32", values: readonly number[], shape: readonly number[]): Constant => ({
    kind,
    shape,
    data: kind === "F32" ? Float32Array.from(values) : Float64Array.from(values),
  });
  switch (names[0]) {
    case "value_float":
      return number("F32", [step.float("value_float", 0)], []);
    case "value_int":
      return number("I32", [step.int("value_int", 0)], []);
    case "value_floats": {
      const values = step.floats("value_floats") as readonly number[];
      return number("F32", values, [values.length]);
    }
    case "value_ints": {
      const values = step.ints("value_ints") as readonly number[];
      return number("I32", values, [values.length]);
    }
    default:
      return step.tensor("value") as Constant;
  }
}

function filling(step: Step): Constant {
  const value = step.tensor("value") ?? { kind: "F32" as const, shape: [1], data: new Float32Array(1) };
  if (value.data.length === 1) return value;
  throw step.error("ERR_SHAPE", `value: expected one element; got ${value.data.length}.`);
}

/** Axes from start to end, as a slice takes them. */
function axesOf(step: Step): readonly number[] {
  const { shape } = step.input(0);
  const at = (name: string, otherwise: number) => {
    const axis = step.int(name, otherwise);
    return Math.min(Math.max(axis < 0 ? axis + shape.length : axis, 0), shape.length);
  };
  return shape.slice(at("start", 0), at("end", shape.length));
}

/** start, limit and step of a Range, and how many numbers that makes. */
function progression(step: Step): { start: number; by: number; count: number } {
  const [start, limit, by] = ["start", "limit", "delta"].map((name, i) => (step.known(i, name) as Elements)[0]);
  const count = Math.max(0, Math.ceil((limit - start) / by));
  if (by !== 0 && Number.isFinite(count)) return { start, by, count };
  throw step.error("ERR_SHAPE", `expected a range with an end; got ${start}, ${limit === TIME ? "T" : limit}, ${by}.`);
}

export const CONSTANTS: Readonly<Record<string, OnnxOp>> = {
  Constant: {
    inputs: [0, 0],
    attrs: ["value", "value_float", "value_floats", "value_int", "value_ints"],
    infer: (step) => [constant(step)],
    fold: (step) => [constant(step).data],
  },
  ConstantOfShape: {
    since: 9,
    inputs: [1, 1],
    attrs: ["value"],
    infer: (step) => {
      const shape = [...(step.known(0, "shape") as Elements)];
      if (shape.every((size) => size >= 0)) return [{ kind: filling(step).kind, shape }];
      throw step.shapeError("sizes ≥ 0", shape);
    },
    fold: (step, [{ kind, shape }]) => [newElements(kind, elements(shape)).fill(filling(step).data[0])],
  },
  Shape: {
    inputs: [1, 1],
    attrs: ["start", "end"],
    shapesOnly: true,
    infer: (step) => [{ kind: "I32", shape: [axesOf(step).length] }],
    fold: (step) => [Float64Array.from(axesOf(step))],
  },
  Size: {
    inputs: [1, 1],
    shapesOnly: true,
    infer: () => [{ kind: "I32", shape: [] }],
    fold: (step) => {
      const { shape } = step.input(0);
      step.apart(
        shape,
        shape.map((_, axis) => axis),
      );
      return [Float64Array.of(elements(shape))];
    },
  },
  Range: {
    since: 11,
    inputs: [3, 3],
    infer: (step) => [{ kind: step.input(0).kind, shape: [progression(step).count] }],
    fold: (step, [{ kind }]) => {
      const { start, by, count } = progression(step);
      const out = newElements(kind, count);
      for (let i = 0; i < count; i++) out[i] = start + i * by;
      return [out];
    },
  },
};
