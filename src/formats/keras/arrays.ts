/** The arrays of weights of one layer, taken in Keras's order and compared with what the config says of them. */

import { ModelError } from "../../errors.ts";
import { elements, shapeText, type Tensor, toF32 } from "../../tensor.ts";
import type { Config } from "./fields.ts";

export class Arrays {
  private at = 0;

  constructor(
    private readonly tensors: readonly Tensor[],
    private readonly config: Config,
  ) {}

  /** The next one; an undefined size is any, an undefined shape too. */
  next(shape: readonly (number | undefined)[] | undefined): { shape: readonly number[]; data: Float32Array } {
    const tensor = this.tensors[this.at++];
    if (tensor === undefined) {
      const { layer } = this.config;
      throw new ModelError("ERR_MISSING_TENSOR", `${layer}: expected more than ${this.at - 1} arrays of weights.`, {
        node: layer,
      });
    }
    if (shape !== undefined) this.expectShape(tensor.shape, shape);
    return { shape: tensor.shape, data: toF32(tensor) };
  }

  expectShape(got: readonly number[], expected: readonly (number | undefined)[]): void {
    const fits = got.length === expected.length && expected.every((size, i) => size === undefined || size === got[i]);
    if (fits && elements(got) > 0) return;
    const { layer } = this.config;
    const message = `${layer}: weights ${this.at}: expected shape ${shapeText(expected.map((size) => size ?? "any"))}; got ${shapeText(got)}`;
    throw new ModelError("ERR_SHAPE", message, { node: layer });
  }

  /** All that are left, for the layer inside a wrapper. */
  rest(): Tensor[] {
    const { at } = this;
    this.at = this.tensors.length;
    return this.tensors.slice(at);
  }

  end(): void {
    if (this.at >= this.tensors.length) return;
    const { layer } = this.config;
    const message = `${layer}: expected ${this.at} arrays of weights; got ${this.tensors.length}.`;
    throw new ModelError("ERR_UNUSED_TENSOR", message, { node: layer, tensor: this.tensors[this.at].name });
  }
}
