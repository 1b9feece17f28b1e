/** A file that is not of a reader's format, safetensors among them → the error that says what it is, or how it begins. */

import { failure, hasHeader, refuseForeign } from "./safetensors.ts";

export function refuseOther(bytes: Uint8Array, expected: string): never {
  if (hasHeader(bytes)) {
    const hint = 'Import from "sluice", or from "sluice/all".';
    throw failure("ERR_FOREIGN_FORMAT", "file", expected, "safetensors.", 0, hint);
  }
  refuseForeign(bytes, expected);
}
