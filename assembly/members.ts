/**
 * A member table: for each member of an execution the address of its state, and how many steps it takes. The host writes it for
 * a group (src/arena.ts), `execute` for one stream, a scan for the members of its own.
 */

import { MEMBER_BYTES } from "./abi";

// @ts-ignore: decorator
@inline
export function memberState(members: usize, i: usize): usize {
  return load<u32>(members + i * MEMBER_BYTES);
}

// @ts-ignore: decorator
@inline
export function memberSteps(members: usize, i: usize): usize {
  return load<u32>(members + i * MEMBER_BYTES, 4);
}

// @ts-ignore: decorator
@inline
export function setMember(members: usize, i: usize, state: usize, steps: usize): void {
  store<u32>(members + i * MEMBER_BYTES, <u32>state);
  store<u32>(members + i * MEMBER_BYTES, <u32>steps, 4);
}
