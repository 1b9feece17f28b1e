/** What the binaries are made of: no imports, no data, the documented exports, the same bytes from the same sources. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { describe, expect, it } from "vitest";
import * as abi from "../../assembly/abi.ts";
import { decode } from "../../src/kernels.ts";

const root = new URL("../../", import.meta.url);

const EXPORTS = [
  // for the host
  "memory heap_base relaxed execute executeGroup",
  // for a baked model
  "abi_version input_ptr output_ptr state_ptr state_size reset step run",
]
  .join(" ")
  .split(" ");

// Section numbers (WebAssembly core specification 2.0, §5.5.2).
const SECTIONS: Readonly<Record<number, string>> = {
  0: "custom",
  1: "type",
  2: "import",
  3: "function",
  4: "table",
  5: "memory",
  6: "global",
  7: "export",
  8: "start",
  9: "element",
  10: "code",
  11: "data",
  12: "data count",
};

/** Sections of a module by name, and the names that it exports: read by hand, since an engine may lack relaxed SIMD. */
function sectionsOf(bytes: Uint8Array): Map<string, Uint8Array> {
  expect([...bytes.subarray(0, 8)]).toEqual([0, 97, 115, 109, 1, 0, 0, 0]);
  const sections = new Map<string, Uint8Array>();
  for (let at = 8; at < bytes.length; ) {
    const [size, start] = number(bytes, at + 1);
    sections.set(SECTIONS[bytes[at]], bytes.subarray(start, start + size));
    at = start + size;
  }
  return sections;
}

/** A LEB128 number and the place after it. */
function number(bytes: Uint8Array, at: number): [value: number, next: number] {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return [value, at];
  }
}

function exportsOf(section: Uint8Array): string[] {
  const names: string[] = [];
  let [count, at] = number(section, 0);
  for (; count > 0; count--) {
    const [length, start] = number(section, at);
    names.push(Buffer.from(section.subarray(start, start + length)).toString());
    [, at] = number(section, start + length + 1);
  }
  return names;
}

function file(path: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(path, root)));
}

async function compile(target: string): Promise<Uint8Array> {
  const base = fileURLToPath(root);
  let binary: Uint8Array | undefined;
  const { error, stderr } = await asc.main(["--config", "asconfig.json", "--target", target, "--baseDir", base], {
    writeFile: (name, contents) => {
      if (name.endsWith(`${target}.wasm`)) binary = contents as Uint8Array;
    },
  });
  expect(error, stderr.toString()).toBeNull();
  expect(stderr.toString()).toBe("");
  return binary as Uint8Array;
}

describe.each(["simd", "relaxed", "graph-simd", "graph-relaxed"])("build/%s.wasm", (name) => {
  const bytes = file(`build/${name}.wasm`);
  const sections = sectionsOf(bytes);

  it("imports nothing, carries no data, runs nothing at its start but, of graphs, what lays out a packed program", () => {
    const found = [...sections.keys()].filter((section) => /import|data|start|element|custom/.test(section));
    expect(found).toEqual(name.startsWith("graph") ? ["start"] : []);
  });

  it("exports the documented names and no others", () => {
    expect(exportsOf(sections.get("export") as Uint8Array).sort()).toEqual([...EXPORTS].sort());
  });

  it("asks for one page of memory and sets no end to it", () => {
    expect([...(sections.get("memory") as Uint8Array)]).toEqual([1, 0, 1]);
  });

  it("is the file of dist, and the text that the entry carries", async () => {
    expect(Buffer.compare(file(`dist/${name}.wasm`), bytes)).toBe(0);
    const [variant, set] = name.split("-").reverse();
    const kernels = await import(`../../build/kernels${set ? `-${set}` : ""}.ts`);
    expect(Buffer.compare(decode(kernels[variant]) as Uint8Array, bytes)).toBe(0);
  });

  it("comes out the same, byte for byte, when it is built again", async () => {
    expect(Buffer.compare(await compile(name), bytes), "npm run build, if the sources have changed").toBe(0);
  });
});

describe("the debug build", () => {
  it("imports abort alone, and has the exports of the others", () => {
    const module = new WebAssembly.Module(file("build/debug.wasm") as Uint8Array<ArrayBuffer>);
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: "env", name: "abort", kind: "function" }]);
    expect(exportsOf(sectionsOf(file("build/debug.wasm")).get("export") as Uint8Array)).toEqual(
      expect.arrayContaining(EXPORTS),
    );
  });
});

describe("assembly/abi.ts", () => {
  const numbers = (prefix: string) =>
    Object.entries(abi).filter(([name]) => name.startsWith(prefix)) as unknown as [string, number][];

  it.each(["OP_", "F_", "STATUS_"])("gives every %s number once", (prefix) => {
    const all = numbers(prefix).map(([, value]) => value);
    expect(all.length).toBeGreaterThan(3);
    expect(new Set(all).size).toBe(all.length);
  });

  it("keeps the opcodes of the core set in 0 … 31, of the graph set in 32 … 127, from 128 those of int8", () => {
    const core = readFileSync(new URL("assembly/execute.ts", root), "utf8");
    for (const [name, value] of numbers("OP_")) {
      if (name.endsWith("_INT8")) expect(value, name).toBeGreaterThanOrEqual(128);
      else if (new RegExp(`\\b${name}\\b`).test(core)) expect(value, name).toBeLessThan(32);
      else expect(Math.floor(value / 32), name).toBeOneOf([1, 2, 3]);
    }
  });

  it.each(["C_", "RNN_", "GRU_", "LSTM_"])("gives every word of a record once: %s", (prefix) => {
    const places = numbers(prefix).filter(([name]) => !name.endsWith("_WORDS"));
    const all = places.map(([, value]) => value);
    expect(new Set(all).size).toBe(all.length);
    if (prefix === "C_") expect(Math.max(...all) + abi.FUNCTION_WORDS).toBe(abi.CELL_WORDS);
    else {
      // A cell's own words follow those that all cells have, without a gap.
      expect(all.sort((a, b) => a - b)).toEqual(all.map((_, i) => abi.CELL_WORDS + i));
      const words = (abi as unknown as Record<string, number>)[`${prefix}WORDS`];
      expect(words).toBe(abi.CELL_WORDS + all.length);
    }
  });

  it("lets no two fixed places overlap", () => {
    const { HEADER, HEADER_BYTES, SOLO, MEMBER_BYTES, CONSTANTS, ARENA, H_PORT_LIST, H_PORTS } = abi;
    const places = [
      [HEADER, HEADER + HEADER_BYTES],
      [SOLO, SOLO + MEMBER_BYTES],
      [CONSTANTS, ARENA],
    ];
    for (let i = 1; i < places.length; i++) expect(places[i][0]).toBeGreaterThanOrEqual(places[i - 1][1]);
    expect(H_PORT_LIST + 2 * H_PORTS * 4).toBe(HEADER_BYTES);
    for (const address of [HEADER, CONSTANTS, ARENA]) expect(address % 16).toBe(0);
  });

  it("has every opcode named where programs are walked", () => {
    const walked = ["execute", "recurrence", "graph/records"].map((name) =>
      readFileSync(new URL(`assembly/${name}.ts`, root), "utf8"),
    );
    const missing = numbers("OP_").filter(([name]) => !walked.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
    expect(missing).toEqual([]);
  });
});
