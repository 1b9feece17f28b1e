/**
 * The entry points of a baked model: a .wasm without imports that carries its own header, programs and weights
 * (src/bake.ts appends them). In the binary that the package ships there is no header, and they answer STATUS_NOT_BAKED.
 *
 * Statuses   0 ok, 1 not baked, 2 t out of range, 3 id out of range (abi.ts)
 * Names      the C convention, since hosts without JavaScript call them
 */

import {
  BAKE_MAGIC, BAKE_VERSION, H_INITIAL, H_INPUTS, H_MAGIC, H_OUTPUTS, H_PACKED, H_PACKED_BYTES, H_PORT_LIST, H_PORTS, H_RUN,
  H_STATE, H_STATE_BYTES, H_STEP, H_VERSION, HEADER, PACKED_RUN, STATUS_NOT_BAKED, STATUS_OK,
} from "./abi";
import { execute } from "./execute";
import { copyVectors, word } from "./rows";

function baked(): bool {
  return load<u32>(HEADER + H_MAGIC) == BAKE_MAGIC && load<u32>(HEADER + H_VERSION) == BAKE_VERSION;
}

// A graph has hundreds of records, much alike: their program is packed, and laid out before anything else runs.
if (isDefined(GRAPH)) unpack(load<u32>(HEADER + H_PACKED), load<u32>(HEADER + H_PACKED_BYTES), load<u32>(HEADER + H_RUN));

/** A packed program (abi.ts) → its words. */
function unpack(from: usize, bytes: usize, to: usize): void {
  const end = from + bytes;
  while (from < end) {
    let item: u64 = 0;
    for (let shift: u64 = 0, more = true; more; shift += 7) {
      const byte = load<u8>(from++);
      item |= <u64>(byte & 127) << shift;
      more = byte > 127;
    }
    if ((item & 1) == 0) {
      store<u32>(to, <u32>(item >> 1));
      to += 4;
    } else {
      const run = <u32>(item >> 1);
      const stop = to + (((run & (PACKED_RUN - 1)) + 1) << 2);
      for (const back: usize = (run / PACKED_RUN) << 2; to < stop; to += 4) store<u32>(to, load<u32>(to - back));
    }
  }
}

/** The version of header, programs and entry points that this binary understands. */
export function abi_version(): u32 {
  return BAKE_VERSION;
}

/** Address of the first row of input i, 0 where there is none. */
export function input_ptr(i: u32): usize {
  return port(i, load<u32>(HEADER + H_INPUTS), 0);
}

/** Address of the first row of output i, 0 where there is none. */
export function output_ptr(i: u32): usize {
  return port(i, load<u32>(HEADER + H_OUTPUTS), H_PORTS);
}

function port(i: u32, count: u32, from: u32): usize {
  return baked() && i < min<u32>(count, H_PORTS) ? word(HEADER + H_PORT_LIST, from + i) : 0;
}

/** Address of the state, state_size() bytes. */
export function state_ptr(): usize {
  return baked() ? word(HEADER + H_STATE, 0) : 0;
}

export function state_size(): u32 {
  return baked() ? load<u32>(HEADER + H_STATE_BYTES) : 0;
}

/** The state becomes the model's initial state. */
export function reset(): i32 {
  if (!baked()) return STATUS_NOT_BAKED;
  copyVectors(load<u32>(HEADER + H_STATE), load<u32>(HEADER + H_INITIAL), load<u32>(HEADER + H_STATE_BYTES));
  return STATUS_OK;
}

/** One step from the inputs' first rows to the outputs' first rows. */
export function step(): i32 {
  if (!baked()) return STATUS_NOT_BAKED;
  return execute(load<u32>(HEADER + H_STEP), load<u32>(HEADER + H_STATE), 1);
}

/** t steps; row s of each input and output is step s. */
export function run(t: u32): i32 {
  if (!baked()) return STATUS_NOT_BAKED;
  return execute(load<u32>(HEADER + H_RUN), load<u32>(HEADER + H_STATE), t);
}
