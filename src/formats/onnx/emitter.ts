/**
 * Steps → nodes and tensors of a Model. Every value has the shape of one row: the free axis counts as 1. Steps are taken in
 * order; a product takes the bias and the function after it, where nothing else reads what lies between.
 */

import { ModelError } from "../../errors.ts";
import type { ActivationSpec, AttrValue, Node } from "../../model.ts";
import { tensorKey } from "../../model.ts";
import type { OpTable } from "../../ops/core.ts";
import { FUNCTIONS } from "../../ops/functions.ts";
import { resolveAttrs } from "../../ops/op.ts";
import type { Dtype, Tensor } from "../../tensor.ts";
import { elements } from "../../tensor.ts";
import { show } from "../json.ts";
import { unique } from "./names.ts";
import { normalised, normOf } from "./norm.ts";
import type { Step } from "./step.ts";
import { type Elements, TIME, type Value, vectorOf } from "./value.ts";

interface Linear {
  readonly x: Value;
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** (O, I) */
  readonly weight: Float32Array;
  readonly bias?: Float32Array;
  /** Added to the product where it is no bias. */
  readonly plus?: Value;
}

/** A tensor of a node. */
export type NodeTensor = readonly [suffix: string, shape: readonly number[], data: Float32Array];

/** Attributes of a node before they are checked. */
export type Attrs = Readonly<Record<string, AttrValue | readonly number[]>>;

export class Emitter {
  readonly nodes: Node[] = [];
  readonly tensors = new Map<string, Tensor>();
  private readonly names = new Map<Value, string>();
  private readonly taken = new Map<string, number>();
  private readonly nodeNames = new Map<string, number>();
  private readonly readers = new Map<Value, Step[]>();
  private readonly done = new Set<Step>();

  constructor(
    private readonly ops: OpTable,
    inputs: readonly Value[],
    private readonly steps: readonly Step[],
    private readonly outputs: readonly Value[],
  ) {
    for (const input of inputs) if (!input.data && !input.lengths) this.define(input);
    for (const step of steps) {
      for (const value of new Set(step.inputs)) {
        if (!value) continue;
        const readers = this.readers.get(value);
        if (readers) readers.push(step);
        else this.readers.set(value, [step]);
      }
    }
  }

  run(): void {
    for (const step of this.steps) {
      if (this.done.has(step)) continue;
      step.row.emit?.(step, this);
    }
  }

  /**
   * Gives outputs the names that they have in the file, where one value is not two of them, and no input: such an output is
   * a copy. Returns the names.
   */
  publish(outputs: readonly { readonly name: string; readonly value: Value }[]): string[] {
    for (const { value } of outputs) this.name(value); // a known one becomes a node here
    const made = new Set(this.nodes.flatMap(({ outputs }) => outputs));
    const given = new Map<string, string>();
    const own = (value: Value) => {
      const name = this.name(value);
      if (made.has(name) && !given.has(name)) return name;
      const copy = unique(`${name}.copy`, this.taken);
      this.add("activation", this.nodeName(copy), [name], copy, { function: [{ name: "identity" }] });
      return copy;
    };
    const names = outputs.map(({ name: wanted, value }) => {
      const old = own(value);
      let name = wanted;
      // What stands between may have the name already: it takes another.
      if (old !== name && made.has(name) && !given.has(name)) given.set(name, unique(name, this.taken));
      else if (old !== name && this.taken.has(name)) name = unique(name, this.taken);
      this.taken.set(name, 2);
      given.set(old, name);
      return name;
    });
    const renamed = (name: string) => given.get(name) ?? name;
    this.nodes.forEach((node, i) => {
      this.nodes[i] = { ...node, inputs: node.inputs.map(renamed), outputs: node.outputs.map(renamed) };
    });
    return names;
  }

  /** The name that a value has in the Model. */
  name(value: Value): string {
    const name = this.names.get(value);
    if (name !== undefined) return name;
    if (value.data && !value.places) return this.constant(value);
    return this.define(value);
  }

  private define(value: Value): string {
    const name = unique(value.name || "value", this.taken);
    this.names.set(value, name);
    return name;
  }

  /** A known value that a node reads. */
  private constant(value: Value): string {
    const { kind, shape, data = new Float32Array(0) } = value;
    if (!this.has("constant"))
      throw new ModelError(
        "ERR_UNSUPPORTED_OP",
        `${show(value.name)}: needs the operator constant, which these kernels do not have.`,
      );
    const name = this.nodeName(value.name || "constant");
    const dtype = kind === "F32" ? "F32" : "I32";
    if (dtype === "I32" && !data.every((x) => x === (x | 0)))
      throw new ModelError("ERR_DTYPE", `${value.name}: expected integers of 32 bits; got others.`, {
        tensor: value.name,
      });
    this.add(
      "constant",
      name,
      [],
      this.define(value),
      { shape: shape.length > 0 ? shape : [1], ...(dtype === "I32" && { dtype }) },
      [["value", shape.length > 0 ? shape : [1], dtype === "F32" ? (data as Float32Array) : Int32Array.from(data)]],
    );
    return this.names.get(value) as string;
  }

  /** Its shape in a row. */
  shape({ shape }: Value): number[] {
    return shape.map((size) => (size === TIME ? 1 : size));
  }

  used(value: Value): boolean {
    return this.readers.has(value) || this.outputs.includes(value);
  }

  /** The one step that reads a value, where there is one and it is no output. */
  private reader(value: Value): Step | undefined {
    const readers = this.readers.get(value) ?? [];
    return readers.length === 1 && !this.outputs.includes(value) ? readers[0] : undefined;
  }

  has(op: string, attr?: string): boolean {
    return Object.hasOwn(this.ops, op) && (attr === undefined || Object.hasOwn(this.ops[op].attrs, attr));
  }

  /** An axis as an attribute: none where it holds all of a row, or is the last one. */
  axis(op: string, axis: number, value: Value): Attrs {
    const shape = this.shape(value);
    const whole = elements(shape) === shape[axis] && !this.has(op, "axis");
    return whole || axis === shape.length - 1 ? {} : { axis };
  }

  private nodeName(name: string): string {
    return unique(name, this.nodeNames);
  }

  private add(
    op: string,
    name: string,
    inputs: readonly string[],
    output: string | readonly string[],
    attrs: Attrs,
    tensors: readonly (readonly [suffix: string, shape: readonly number[], data: Float32Array | Int32Array])[] = [],
  ): void {
    const outputs = typeof output === "string" ? [output] : output;
    this.nodes.push({ name, op, inputs, outputs, attrs: resolveAttrs(this.ops[op], attrs, `${name} (${op})`) });
    for (const [suffix, shape, data] of tensors) {
      const key = tensorKey(name, suffix);
      const dtype: Dtype = data instanceof Float32Array ? "F32" : "I32";
      this.tensors.set(key, { name: key, dtype, shape, data });
    }
  }

  /** The name for a step's node, or the error that its operator is not in the table. */
  private open(step: Step, op: string): string {
    if (!this.has(op))
      throw step.error("ERR_UNSUPPORTED_OP", `needs the operator ${op}, which these kernels do not have.`);
    return this.nodeName(step.node.name || `${op}${this.nodes.length}`);
  }

  node(step: Step, op: string, inputs: readonly Value[], attrs: Attrs = {}, output = step.outputs[0]): void {
    this.layer(step, op, inputs, attrs, [], [output]);
  }

  /** A node with tensors. */
  layer(
    step: Step,
    op: string,
    inputs: readonly (Value | undefined)[],
    attrs: Attrs,
    tensors: readonly NodeTensor[],
    outputs: readonly (Value | undefined)[] = [step.outputs[0]],
  ): void {
    const name = this.open(step, op);
    const from = inputs.map((value) => (value ? this.name(value) : ""));
    this.add(
      op,
      name,
      from,
      outputs.map((value) => (value ? this.define(value) : "")),
      attrs,
      tensors,
    );
  }

  /** The output is the first input, under another shape. */
  rename(step: Step): void {
    this.same(step, step.input(0));
  }

  same(step: Step, value: Value, output = step.outputs[0]): void {
    const shape = this.shape(output);
    if (this.has("reshape") && `${shape}` !== `${this.shape(value)}`)
      this.node(step, "reshape", [value], { shape }, output);
    else this.names.set(output, this.name(value));
  }

  /** A value between a step's input and its output. */
  extra(
    step: Step,
    op: string,
    inputs: readonly Value[],
    shape: readonly number[],
    attrs: Attrs = {},
    kind = inputs[0].kind,
  ): Value {
    const value: Value = { name: `${step.outputs[0].name}.${op}`, kind, shape };
    this.node(step, op, inputs, attrs, value);
    return value;
  }

  reshaped(step: Step, value: Value, shape: readonly number[]): Value {
    return `${shape}` === `${this.shape(value)}` ? value : this.extra(step, "reshape", [value], shape, { shape });
  }

  /** Where axes of size 1 change their places alone, no element does. */
  isStill(value: Value, perm: readonly number[]): boolean {
    const moved = perm.filter((axis) => this.shape(value)[axis] !== 1);
    return moved.every((axis, i) => i === 0 || axis > moved[i - 1]);
  }

  transposed(step: Step, value: Value, perm: readonly number[]): Value {
    const from = this.shape(value);
    const shape = perm.map((axis) => from[axis]);
    return this.isStill(value, perm)
      ? this.reshaped(step, value, shape)
      : this.extra(step, "transpose", [value], shape, { perm });
  }

  last(step: Step, x: Value): void {
    this.node(step, "last", [x]);
  }

  activation(step: Step, x: Value, spec: ActivationSpec): void {
    this.node(step, "activation", [x], { function: [spec] });
  }

  concat(step: Step, axis: number): void {
    const inputs = step.inputs as Value[];
    if (inputs.length === 1) this.rename(step);
    else {
      const before = elements(this.shape(step.outputs[0]).slice(0, axis));
      if (before > 1 && !this.has("concat", "axis"))
        throw step.error("ERR_UNSUPPORTED_OP", `needs concat along axis ${axis}, which these kernels do not have.`);
      this.node(step, "concat", inputs, this.has("concat", "axis") ? { axis } : {});
    }
  }

  /** Rows of a table by ids. */
  embedding(step: Step): void {
    const [table, ids] = step.inputs as Value[];
    const [numEmbeddings, embeddingDim] = table.shape;
    this.layer(step, "embedding", [ids], { numEmbeddings, embeddingDim }, [
      ["weight", table.shape, table.data as Float32Array],
    ]);
  }

  /** Two values, or a value and a known number, which is a scale and a shift. */
  binary(step: Step, op: string): void {
    const inputs = step.inputs as Value[];
    const [output] = step.outputs;
    const number = inputs.findIndex(({ data, shape }) => data?.length === 1 && shape.length <= output.shape.length);
    const x = inputs[1 - number];
    if (inputs.length === 2 && number >= 0 && x.kind === "F32" && `${x.shape}` === `${output.shape}`) {
      const affine = scaleAndShift(op, (inputs[number].data as Elements)[0], number);
      if (affine) {
        this.activation(step, x, affine);
        return;
      }
    }
    const power = op === "pow" && inputs[1]?.data?.length === 1 ? inputs[1].data[0] : undefined;
    const alike = inputs.every((value) => `${value.shape}` === `${output.shape}`);
    if (inputs.length === 1) this.rename(step);
    else if (power === 2 && this.has("mul")) this.node(step, "mul", [inputs[0], inputs[0]]);
    else if (power === 0.5) this.activation(step, inputs[0], { name: "sqrt" });
    else if (!alike && op === "add" && !this.has("sub"))
      throw step.error("ERR_UNSUPPORTED_OP", "needs add with broadcasting, which these kernels do not have.");
    else this.node(step, op, inputs);
  }

  linear(step: Step, { x, inFeatures, outFeatures, weight, bias, plus }: Linear): void {
    let [output] = step.outputs;
    let vector = bias;
    let end = plus ? undefined : this.reader(output);
    // A name for another shape that keeps the last axis may stand between.
    while (end?.row.renames && end.outputs[0].shape.at(-1) === outFeatures) [output, end] = this.absorb(end);
    if (!vector && end?.node.op === "Add") {
      vector = this.vectorBeside(end, output, outFeatures);
      if (vector) [output, end] = this.absorb(end);
    }
    const spec = end && this.functionOf(end);
    if (end && spec) [output] = this.absorb(end);
    const shape = [...this.shape(x).slice(0, -1), outFeatures];
    const bare = plus === undefined && `${shape}` === `${this.shape(output)}`;
    const product: Value = bare ? output : { name: `${output.name}.product`, kind: "F32", shape };
    this.layer(
      step,
      "linear",
      [x],
      { inFeatures, outFeatures, bias: vector !== undefined, ...(spec && { activation: [spec] }) },
      [["weight", [outFeatures, inFeatures], weight], ...(vector ? ([["bias", [outFeatures], vector]] as const) : [])],
      [product],
    );
    if (!plus && !bare) this.same(step, product, output);
    if (plus)
      this.add(
        "add",
        this.nodeName(`${output.name}.add`),
        [this.name(product), this.name(plus)],
        this.define(output),
        {},
      );
  }

  /** A convolution takes the batch norm and the function that follow it. */
  convolution(step: Step, op: "conv" | "convTranspose", attrs: Attrs, { shape, data }: Value, bias?: Elements): void {
    let [output] = step.outputs;
    let next = this.reader(output);
    let [weight, vector] = [data as Float32Array, bias as Float32Array | undefined];
    const norm = next && next.node.op === "BatchNormalization" && next.input(0) === output ? normOf(next) : undefined;
    if (next && norm) {
      [weight, vector] = normalised([weight, vector], shape, op === "conv" ? 0 : 1, attrs.groups as number, norm);
      [output, next] = this.absorb(next);
    }
    const spec = this.has(op, "activation") && next ? this.functionOf(next) : undefined;
    if (next && spec) [output] = this.absorb(next);
    const all = { ...attrs, bias: vector !== undefined, ...(spec && { activation: [spec] }) };
    const list = [["weight", shape, weight] as const];
    this.layer(step, op, [step.input(0)], all, vector ? [...list, ["bias", [vector.length], vector]] : list, [output]);
  }

  /** A step that the product before it computes too: its output, and what reads that. */
  private absorb(step: Step): [Value, Step | undefined] {
    this.done.add(step);
    return [step.outputs[0], this.reader(step.outputs[0])];
  }

  /** The known vector that an Add adds to a product of so many columns. */
  private vectorBeside(step: Step, product: Value, columns: number): Float32Array | undefined {
    const other = step.inputs.find((value) => value !== product);
    return other && `${step.outputs[0].shape}` === `${product.shape}` ? vectorOf(other, columns) : undefined;
  }

  /** The function that a step is, where a product can compute it on its way out. */
  private functionOf(step: Step): ActivationSpec | undefined {
    const spec = step.row.activation?.(step);
    return spec && Object.hasOwn(FUNCTIONS, spec.name) ? spec : undefined;
  }
}

/** alpha · x + beta for an operator and a number; `place` says on which side the number stands. */
function scaleAndShift(op: string, value: number, place: number): ActivationSpec | undefined {
  const affine = (alpha: number, beta: number) => ({ name: "affine", alpha, beta });
  if (!Number.isFinite(value)) return undefined;
  if (op === "add") return affine(1, value);
  if (op === "mul") return affine(value, 0);
  if (op === "sub") return place === 1 ? affine(1, -value) : affine(-1, value);
  return op === "div" && place === 1 && value !== 0 ? affine(1 / value, 0) : undefined;
}
