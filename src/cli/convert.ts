/** `sluice convert`: a model file of any format → a native file, weights and graph in one, and what the reader warned of. */

import { type Model, readModel, writeSafetensors } from "../all.ts";
import { CORE } from "../ops/core.ts";
import { readBytes, readModelFile, type WeightsOptions } from "./file.ts";
import { count } from "./table.ts";
import { printable } from "./text.ts";
import { UsageError } from "./usage.ts";
import { refuseInputs, write } from "./write.ts";

export interface ConvertOptions extends WeightsOptions {
  readonly json?: boolean;
}

export async function convert(path: string, output: string | undefined, options: ConvertOptions): Promise<void> {
  if (output === undefined) throw new UsageError(`expected FILE and OUT; got "${path}" alone`);
  const before = await readBytes(path, ({ length }) => length);
  refuseInputs(output, [path]);
  const model = await readModelFile(path, options);
  const bytes = nativeBytes(model);
  await write(output, bytes);
  const facts = {
    file: path,
    output,
    bytes: { before, after: bytes.length },
    nodes: model.nodes.length,
    entry: entryOf(model),
    warnings: model.warnings,
  };
  process.stdout.write(options.json ? `${JSON.stringify(facts, undefined, 2)}\n` : reportOf(facts));
}

/** A native file, which reads back as the same graph. */
export function nativeBytes(model: Model): Uint8Array {
  const bytes = writeSafetensors(model);
  // What was read with nonFinite is written with it.
  readModel(bytes, { nonFinite: "allow" });
  return bytes;
}

/** The entry whose operators a native file needs. */
export function entryOf({ nodes }: Model): "sluice" | "sluice/graph" {
  return nodes.every(({ op }) => Object.hasOwn(CORE, op)) ? "sluice" : "sluice/graph";
}

interface Facts {
  readonly file: string;
  readonly output: string;
  readonly bytes: { readonly before: number; readonly after: number };
  readonly nodes: number;
  readonly entry: string;
  readonly warnings: readonly string[];
}

function reportOf({ file, output, bytes, nodes, entry, warnings }: Facts): string {
  const lines = [
    `${file}: ${count(bytes.before)} bytes`,
    `${output}: ${count(bytes.after)} bytes, ${count(nodes)} ${nodes === 1 ? "node" : "nodes"}; import from "${entry}"`,
    ...warnings.map((text) => `warning: ${text}`),
  ];
  return `${lines.map(printable).join("\n")}\n`;
}
