/** `sluice inspect`: a model file → what it holds, and the lines of code that run it. */

import { type Format, formatOf, ModelError, type Outline, readTensors } from "../all.ts";
import { factsOf, type Refused } from "./facts.ts";
import { graphOptions, layersOption, nameError, readBytes, type WeightsOptions } from "./file.ts";
import { refusedReport, reportOf } from "./report.ts";

export async function inspect(path: string, options: WeightsOptions & { readonly json?: boolean }): Promise<void> {
  const layers = await layersOption(options.layers);
  const said = { layers, ignore: options.ignore, graph: graphOptions(options) };
  const bytes = await readBytes(path, (bytes) => bytes);
  try {
    const tensors = readTensors(bytes, { ignore: options.ignore });
    const facts = await factsOf(path, bytes, tensors, said);
    process.stdout.write(options.json ? `${JSON.stringify(facts, undefined, 2)}\n` : reportOf(facts));
  } catch (error) {
    if (error instanceof ModelError) printOutline(path, bytes, formatOf(bytes), error, options.json);
    throw nameError(path, error);
  }
}

/** What a file that is refused lists, and what of that is not supported. */
function printOutline(path: string, bytes: Uint8Array, format: Format, { message }: ModelError, json = false): void {
  let outline: Outline | undefined;
  try {
    outline = format.outline?.(bytes);
  } catch {
    return; // it is the list itself that is refused
  }
  if (outline === undefined || outline.parts.length === 0) return;
  const facts: Refused = { file: path, bytes: bytes.length, reader: format.name, ...outline, problem: message };
  process.stdout.write(json ? `${JSON.stringify(facts, undefined, 2)}\n` : refusedReport(facts));
}
