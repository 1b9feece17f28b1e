/** What the layers of a Keras model are added to, and what they add: the records that the readers of layers share. */

import type { LayerSpec } from "../../layers.ts";
import type { Tensor } from "../../tensor.ts";
import type { Field } from "../json.ts";

/** What a layer reads and gives: a value's name, whether it still has a time axis, and whether Keras has a mask for that. */
export interface Value {
  readonly name: string;
  readonly sequence: boolean;
  readonly masked?: boolean;
}

/** A layer as the config names it, with what it reads. */
export interface KerasLayer {
  readonly className: string;
  readonly name: string;
  readonly config: Field;
  readonly inputs: readonly Value[];
}

/** The layers and tensors so far, and what all layers share. */
export interface Builder {
  readonly layers: LayerSpec[];
  readonly tensors: Tensor[];
  readonly warnings: string[];
  /** Major version of Keras that wrote the file. */
  readonly keras: number | undefined;
  /** Layers whose mask the caller takes on: by the lengths of the sequences. */
  readonly ignore: readonly string[];
}
