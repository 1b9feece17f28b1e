/** A .wasm file → its active data segments (WebAssembly core specification 2.0, §5.5.14). */

export interface DataSegment {
  readonly address: number;
  readonly bytes: Uint8Array;
}

const DATA = 11;

export function dataSegments(wasm: Uint8Array): DataSegment[] {
  let at = 8;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = wasm[at++];
      value += (byte & 127) * scale;
      if (byte < 128) return value;
    }
  };
  for (;;) {
    const id = wasm[at++];
    const size = number();
    if (id === DATA) break;
    at += size;
  }
  return Array.from({ length: number() }, () => {
    // Active, i32.const.
    if (number() !== 0 || wasm[at++] !== 0x41)
      throw new Error("data: expected an active segment at a constant address");
    const address = number();
    // end
    at++;
    const length = number();
    at += length;
    return { address, bytes: wasm.subarray(at - length, at) };
  });
}
