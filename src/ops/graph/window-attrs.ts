/** What slides over an input: the attributes that convolutions and pools share. */

import type { Window } from "../../reference/graph/conv.ts";
import type { Attrs, Refuse } from "../op.ts";
import { integers, perAxis } from "./shape.ts";

/** Kernel, stride, dilation and padding, a number for each axis. */
export function windowOf(attrs: Attrs, refuse?: Refuse): Window {
  const rank = integers(attrs.kernel).length;
  return {
    kernel: perAxis(attrs.kernel, rank, refuse, "kernel", 1),
    stride: perAxis(attrs.stride, rank, refuse, "stride", 1, 1),
    dilation: perAxis(attrs.dilation, rank, refuse, "dilation", 1, 1),
    padding: perAxis(attrs.padding, 2 * rank, refuse, "padding", 0, 0),
  };
}
