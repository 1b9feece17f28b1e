/** `sluice bake`: a model file → NAME.wasm, NAME.js and NAME.d.ts. */

import { readFile } from "node:fs/promises";
import { basename, dirname, extname, join, relative } from "node:path";
import { MADE } from "../bake/wrapper.ts";
import { type BakeOptions, bakeModel } from "../bake.ts";
import { printWarnings, readModelFile, type WeightsOptions } from "./file.ts";
import { count } from "./table.ts";
import { numberOption, UsageError } from "./usage.ts";
import { refuseInputs, write } from "./write.ts";

export interface BakeCommandOptions extends WeightsOptions {
  readonly output?: string;
  readonly variant?: string;
  readonly precision?: string;
  readonly "max-steps"?: string;
}

export async function bake(path: string, options: BakeCommandOptions): Promise<void> {
  const { output = `${basename(path, extname(path))}.wasm`, variant = "simd", precision } = options;
  if (!["simd", "relaxed"].includes(variant))
    throw new UsageError(`--variant: expected simd, relaxed; got "${variant}"`);
  if (precision !== undefined && !["f32", "int8"].includes(precision))
    throw new UsageError(`--precision: expected f32, int8; got "${precision}"`);
  if (extname(output) !== ".wasm")
    throw new UsageError(`--output: expected a name that ends in .wasm; got "${output}"`);
  const maxSteps = numberOption("max-steps", options["max-steps"], { otherwise: 64, integer: true, least: 1 });
  const name = basename(output, ".wasm");
  const beside = (extension: string) => join(dirname(output), name + extension);
  refuseInputs(output, [path]);
  const model = await readModelFile(path, options);
  printWarnings(model);
  const { wasm, js, dts } = bakeModel(model, name, { variant, precision, maxSteps } as BakeOptions);
  for (const file of [beside(".js"), beside(".d.ts")]) await refuseOthers(file);
  const files: readonly (readonly [string, string | Uint8Array])[] = [
    [output, wasm],
    [beside(".js"), js],
    [beside(".d.ts"), dts],
  ];
  for (const [file, contents] of files) await write(file, contents);
  for (const [file, contents] of files)
    process.stdout.write(`${relative("", file)}  ${count(Buffer.byteLength(contents))} bytes\n`);
}

/** A module of the user's own is never written over; an empty file holds nothing. */
async function refuseOthers(file: string): Promise<void> {
  const text = await readFile(file, "utf8").catch(() => MADE);
  if (text !== "" && !text.startsWith(MADE))
    throw new Error(`${file}: expected no file, or one that sluice bake made; got another`);
}
