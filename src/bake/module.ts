/**
 * A kernel binary + the memory of a model → one .wasm file: the memory's minimum is raised, a data section and a custom section
 * are appended. Nothing else of the binary changes (WebAssembly core specification 2.0, §5.5). Memory starts as zeros, so long
 * runs of them are not stored: a segment ends before such a run and another starts after it.
 */

const CUSTOM = 0;
const MEMORY = 5;
const DATA = 11;
/** Magic and version. */
const PREAMBLE = 8;

/** What stands in memory from `address` on. */
export interface Part {
  readonly address: number;
  readonly bytes: Uint8Array;
}

export interface Image {
  /** Pages of 64 KiB that the module begins with. */
  readonly pages: number;
  readonly parts: readonly Part[];
  /** The custom section `sluice`: ASCII. */
  readonly description: string;
}

/** Zeros that are worth a new segment; its own head takes about 8 bytes. */
const GAP = 32;
/** Gaps are made long enough that there are no more segments, whatever the weights: each costs an engine time, and 100 000 is its limit. */
const MOST_SEGMENTS = 10_000;

/** @param binary - a build of the kernels: no data, one memory without a maximum (test/rules/binaries.test.ts) */
export function appendImage(binary: Uint8Array, { pages, parts, description }: Image): Uint8Array {
  const sections: Uint8Array[] = [binary.subarray(0, PREAMBLE)];
  for (let at = PREAMBLE; at < binary.length; ) {
    const [size, start] = readNumber(binary, at + 1);
    if (binary[at] === MEMORY) sections.push(section(MEMORY, Uint8Array.of(1, 0, ...number(pages))));
    else sections.push(binary.subarray(at, start + size));
    at = start + size;
  }
  const total = parts.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const segments = parts.flatMap((part) => withoutZeros(part, Math.max(GAP, total / MOST_SEGMENTS)));
  // Active segments: i32.const address, end, bytes.
  const data = segments.flatMap(({ address, bytes }) => [
    Uint8Array.of(0, 0x41, ...signed(address), 0x0b, ...number(bytes.length)),
    bytes,
  ]);
  sections.push(section(DATA, Uint8Array.from(number(segments.length)), ...data));
  sections.push(section(CUSTOM, text("sluice"), ascii(description)));
  return join(sections);
}

/** A part without its runs of `gap` zeros and more, and without those at its ends. */
function withoutZeros({ address, bytes }: Part, gap: number): Part[] {
  const parts: Part[] = [];
  for (let at = 0; ; ) {
    while (at < bytes.length && bytes[at] === 0) at++;
    if (at === bytes.length) return parts;
    const start = at;
    let end = at;
    for (; at < bytes.length && at - end < gap; at++) if (bytes[at] !== 0) end = at + 1;
    parts.push({ address: address + start, bytes: bytes.subarray(start, end) });
  }
}

function section(id: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const size = contents.reduce((sum, { length }) => sum + length, 0);
  return join([Uint8Array.of(id, ...number(size)), ...contents]);
}

/** Unsigned LEB128. */
function number(value: number): number[] {
  const bytes = [];
  for (; value > 127; value >>>= 7) bytes.push((value & 127) | 128);
  return [...bytes, value];
}

/** Signed LEB128 of a number that is not negative: the last byte's sign bit stays clear. */
function signed(value: number): number[] {
  const bytes = number(value);
  const last = bytes[bytes.length - 1];
  return last < 64 ? bytes : [...bytes.slice(0, -1), last | 128, 0];
}

function readNumber(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value |= (byte & 127) << shift;
    if (byte < 128) return [value, at];
  }
}

/** A name with its length before it. */
function text(name: string): Uint8Array {
  return Uint8Array.of(...number(name.length), ...ascii(name));
}

function ascii(characters: string): Uint8Array {
  return Uint8Array.from(characters, (character) => character.charCodeAt(0));
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
