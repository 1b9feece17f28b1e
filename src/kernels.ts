/**
 * The only file that names WebAssembly: which variant this engine takes, and binaries turned into kernels with a memory.
 */

import { CONSTANTS } from "../assembly/abi.ts";
import { kindOf, wrongKind } from "./arguments.ts";
import { bytesOfText } from "./binary-text.ts";
import { COEFFICIENTS } from "./coefficients.ts";
import { ModelError, SessionError } from "./errors.ts";

/** A build of the kernels: its bytes as text (src/binary-text.ts), whole or in parts, bytes, or a compiled Module. */
export type KernelBinary = string | readonly string[] | Uint8Array | ArrayBuffer | WebAssembly.Module;

/** The builds of one kernel set. Importing a set costs its bytes and nothing else. */
export interface KernelSet {
  readonly simd: KernelBinary;
  readonly relaxed: KernelBinary;
  /** Instantiates; `sluice/debug` gives the loader's readable aborts. */
  readonly instantiate?: (module: WebAssembly.Module) => WebAssembly.Instance;
}

/** What a build exports; assembly/execute.ts has the contracts. */
export interface Kernels {
  readonly memory: WebAssembly.Memory;
  heap_base(): number;
  relaxed(): number;
  execute(program: number, stream: number, steps: number): number;
  executeGroup(program: number, members: number, count: number, steps: number): number;
}

export const PAGE = 65536;

/** A binary given by the caller, in any form that hosts have. */
export type WasmSource = KernelBinary | URL | Response;

/**
 * The builds to try, the fastest first: relaxed SIMD, but on V8 before 13, whose registers do not hold its longer loops
 * (docs/numerics.md has the measurements). Float16Array tells: V8 has it since 13.5, and every other engine since before it had
 * relaxed SIMD.
 */
export function fastestFirst({ simd, relaxed }: KernelSet): readonly KernelBinary[] {
  return "Float16Array" in globalThis ? [relaxed, simd] : [simd];
}

/** By tag, since a Module may come from another realm. */
function isModule(binary: unknown): binary is WebAssembly.Module {
  return kindOf(binary) === "WebAssembly.Module";
}

/** Text as bytes, by hand: audio worklets have neither atob nor TextDecoder. @internal */
export function decode(binary: KernelBinary): WebAssembly.Module | Uint8Array<ArrayBuffer> {
  const text = Array.isArray(binary) ? binary.join("") : binary;
  if (typeof text === "string" && text.startsWith(MAGIC)) return bytesOfText(text);
  if (isModule(text)) return text;
  if (/^Uint8Array|ArrayBuffer$/.test(kindOf(text))) return new Uint8Array(text as ArrayBuffer);
  throw wrongKind("wasm", "a Module, bytes, a URL or a Response", binary);
}

/** How the text of a module begins: "\0asm". */
const MAGIC = ") / A ;";

/** Are its bytes still to be read? */
export function isRemote(source: WasmSource | undefined): source is URL | Response {
  return ["URL", "Response"].includes(kindOf(source));
}

/** A binary compiled off the calling thread, where the host can; a Module as it is. */
export async function compile(binary: KernelBinary): Promise<WebAssembly.Module> {
  const decoded = decode(binary);
  return isModule(decoded) ? decoded : WebAssembly.compile(decoded);
}

/** An instance whose memory holds the coefficients. */
export function instantiate(binary: KernelBinary, set: Pick<KernelSet, "instantiate"> = {}): Kernels {
  const decoded = decode(binary);
  const module = isModule(decoded) ? decoded : new WebAssembly.Module(decoded);
  const instance = set.instantiate?.(module) ?? new WebAssembly.Instance(module);
  const kernels = instance.exports as unknown as Kernels;
  if (typeof kernels.execute !== "function" || typeof kernels.heap_base !== "function") {
    throw new ModelError("ERR_VARIANT", "wasm: expected a build of Sluice's kernels; got another module.");
  }
  new Float32Array(kernels.memory.buffer, CONSTANTS, COEFFICIENTS.length).set(COEFFICIENTS);
  return kernels;
}

export function grow(memory: WebAssembly.Memory, pages: number): void {
  try {
    memory.grow(pages);
  } catch {
    const size = memory.buffer.byteLength / PAGE;
    throw new SessionError(
      "ERR_MEMORY",
      `linear memory: expected to grow from ${size} by ${pages} pages of 64 KiB; got refused.`,
    );
  }
}
