/** The module's exports: the host's entry points, and those of a baked model. */

export { abi_version, input_ptr, output_ptr, reset, run, state_ptr, state_size, step } from "./bake";
export { execute, executeGroup, heap_base, relaxed } from "./execute";
