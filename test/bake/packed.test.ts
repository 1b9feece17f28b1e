/** How a baked file says what stands in memory: a packed program, which the kernels lay out, and segments without runs of zeros. */

import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ARENA, H_PACKED, H_PACKED_BYTES, H_RUN, HEADER, PACKED_RUN } from "../../assembly/abi.ts";
import { appendImage, type Part } from "../../src/bake/module.ts";
import { packProgram } from "../../src/bake/packed.ts";
import { seeded } from "../conformance/models.ts";
import { dataSegments } from "./segments.ts";

const kernels = (name: string) => readFileSync(new URL(`../../build/${name}.wasm`, import.meta.url));

function memoryOf(parts: readonly Part[], binary = "graph-simd", pages = 3): Uint32Array {
  const wasm = appendImage(kernels(binary), { pages, parts, description: "{}" }) as Uint8Array<ArrayBuffer>;
  const { memory } = new WebAssembly.Instance(new WebAssembly.Module(wasm)).exports as { memory: WebAssembly.Memory };
  return new Uint32Array(memory.buffer);
}

const TO = ARENA;
const FROM = 2 * 65536;

/** What the kernels make of a packed program. */
function unpacked(packed: Uint8Array, count: number): Uint32Array {
  const header = new Uint32Array((H_PACKED_BYTES + 4) / 4);
  header[H_RUN / 4] = TO;
  header[H_PACKED / 4] = FROM;
  header[H_PACKED_BYTES / 4] = packed.length;
  const parts = [
    { address: HEADER, bytes: new Uint8Array(header.buffer) },
    { address: FROM, bytes: packed },
  ];
  const memory = memoryOf(parts);
  expect(memory[TO / 4 + count], "the word after them").toBe(0);
  return memory.slice(TO / 4, TO / 4 + count);
}

const random = seeded("packed programs");
const some = (count: number, most: number) => Array.from({ length: count }, () => Math.floor(random() * most));

describe("a packed program becomes its words", () => {
  const record = some(12, 2 ** 32);
  it.each<[string, number[]]>([
    ["none", []],
    ["one", [7]],
    ["the edges of LEB128", [0, 63, 64, 8191, 8192, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1]],
    ["one word a thousand times: runs that overlap themselves", new Array(1000).fill(0x3f800000)],
    ["a record a hundred times, each with another word", Array.from({ length: 100 }, (_, i) => [...record, i]).flat()],
    ["a record again after thousands of others", [...record, ...some(9000, 2 ** 32), ...record]],
    ["few different words", some(5000, 5)],
    ["many", some(5000, 2 ** 32)],
  ])("%s", (_, words) => {
    const packed = packProgram(Uint32Array.from(words));
    expect([...unpacked(packed, words.length)]).toEqual(words);
  });

  it("in fewer bytes where words come again", () => {
    const words = Uint32Array.from(Array.from({ length: 100 }, (_, i) => [...record, i]).flat());
    // A run of 12 and a word for each, and the first time all of them.
    expect(packProgram(words).length).toBeLessThan(12 * 5 + 100 * 4);
    expect(packProgram(new Uint32Array(PACKED_RUN * 10)).length).toBeLessThan(30);
  });
});

describe("data segments", () => {
  const WORDS = 10_000;
  const sparse = (zero: (i: number) => boolean) =>
    Uint8Array.from({ length: WORDS * 4 }, (_, i) => (zero(i) ? 0 : (i % 255) + 1));

  it.each<[string, Uint8Array, number]>([
    ["no zeros: one", sparse(() => false), 1],
    ["zeros alone: none", sparse(() => true), 0],
    ["zeros at the ends: one", sparse((i) => i < 5000 || i > 9000), 1],
    ["31 zeros in a row are stored", sparse((i) => i % 100 < 31), 1],
    ["32 are not", sparse((i) => i % 100 < 32), WORDS / 25],
    ["a zero last", sparse((i) => i === WORDS * 4 - 1), 1],
  ])("%s", (_, bytes, count) => {
    const part = { address: HEADER, bytes };
    const wasm = appendImage(kernels("simd"), { pages: 1, parts: [part], description: "{}" });
    expect(dataSegments(wasm)).toHaveLength(count);
    const memory = new Uint8Array(memoryOf([part], "simd", 1).buffer);
    expect(Buffer.compare(memory.subarray(HEADER, HEADER + bytes.length), bytes)).toBe(0);
    expect(memory.subarray(HEADER + bytes.length).some((byte) => byte !== 0)).toBe(false);
  });

  it("are never more than an engine takes", () => {
    const bytes = new Uint8Array(8 << 20).map((_, i) => (i % 33 === 0 ? 1 : 0));
    const wasm = appendImage(kernels("simd"), { pages: 129, parts: [{ address: HEADER, bytes }], description: "{}" });
    expect(dataSegments(wasm).length).toBeLessThanOrEqual(10_000);
  });
});
