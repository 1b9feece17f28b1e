/**
 * The type of `sluice/kernels/*.wasm`: what an import gives where a host or bundler makes a Module of such a file. Others give
 * its URL (`new URL("sluice/kernels/simd.wasm", import.meta.url)`).
 */

declare const kernels: WebAssembly.Module;
export default kernels;
