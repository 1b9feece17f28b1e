/** Results → files, never over what the command reads. */

import { realpathSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { nameError } from "./file.ts";

/** Throws if `output` is one of the files that the command reads, also by another path or through a link. */
export function refuseInputs(output: string | undefined, inputs: readonly (string | undefined)[]): void {
  const real = output === undefined ? undefined : realPath(output);
  if (real === undefined) return;
  for (const input of inputs) {
    if (input === undefined || realPath(input) !== real) continue;
    throw new Error(`${output}: expected another file than the input; got the same`);
  }
}

/** Undefined: there is no such file. */
function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

export async function write(path: string, contents: string | Uint8Array): Promise<void> {
  await writeFile(path, contents).catch((error) => {
    throw nameError(path, error);
  });
}
