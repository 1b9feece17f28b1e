/**
 * Loads the vectors that tests compare with: our own in test/golden, and, where the environment variable SLUICE_VECTORS
 * names a folder, the larger sets of others in there. Nothing is downloaded.
 */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors, type Tensor } from "../src/index.ts";

/** The folder of outside vectors, if there is one. */
export const VECTORS: string | undefined = process.env.SLUICE_VECTORS || undefined;

/** Why a case that needs them is skipped. */
export const NO_VECTORS = "SLUICE_VECTORS is not set";

/** The folder of our own golden files. */
export const GOLDEN = fileURLToPath(new URL("golden", import.meta.url));

/** The full paths of the safetensors files of a folder, in the order of their names; none where there is no folder. */
export function safetensorsIn(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith(".safetensors"))
    .sort()
    .map((name) => join(folder, name));
}

interface Vector {
  readonly tensors: Map<string, Tensor>;
  /** `__metadata__.case`, parsed. */
  readonly about: unknown;
}

/** A safetensors file with JSON under `__metadata__.case`: an 8-byte header length, the header, the data. */
export function readVector(path: string): Vector {
  const bytes = new Uint8Array(readFileSync(path));
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  return { tensors: readSafetensors(bytes), about: JSON.parse(header.__metadata__.case) };
}

export function readJson(...path: string[]): unknown {
  return JSON.parse(readFileSync(join(...path), "utf8"));
}
