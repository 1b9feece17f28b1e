/**
 * A module's text → a Node process of its own that runs it, and the JSON it answers with. For what one process cannot
 * show: globals that are missing before the package is imported, garbage collections, flags of the engine.
 */

import { spawnSync } from "node:child_process";
import { type Model, writeSafetensors } from "../../src/index.ts";

const PRELUDE = `
import { readFileSync, writeSync } from "node:fs";
const entry = ${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)};
const given = new Uint8Array(readFileSync(0));
const bits = (y) => Array.from(new Uint32Array(y.buffer, y.byteOffset, y.length));
const answer = (value) => writeSync(1, JSON.stringify(value));
`;

/**
 * In `source`: `entry` is the URL of dist/index.js, not yet imported; `given` the bytes of `model`; `bits(array)` the bits of
 * an f32 array; `answer(value)` says what this function returns.
 */
export function inChild(source: string, model: Model, flags: readonly string[] = []): unknown {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [...flags, "--input-type=module", "--eval", PRELUDE + source],
    { input: writeSafetensors(model), encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`The child ended with ${status}:\n${stderr}`);
  return JSON.parse(stdout);
}

/** As `bits` of a child. */
export function bitsOf(y: Float32Array): number[] {
  return Array.from(new Uint32Array(y.buffer, y.byteOffset, y.length));
}
