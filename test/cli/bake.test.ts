/** `sluice bake` from end to end: the files that it writes, what runs them, and how it ends. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSessionSync, type Stream } from "../../src/index.ts";
import { makeFolder, modelOf, RECIPES, sluice, writeModels } from "./files.ts";

const folder = makeFolder();
beforeAll(() => writeModels(folder));
afterAll(() => rmSync(folder, { recursive: true }));

const bake = (...args: string[]) => sluice(folder, ["bake", ...args]);
const load = async (name: string, source?: Uint8Array): Promise<Stream> =>
  (await import(pathToFileURL(join(folder, name)).href)).load(source);

describe("sluice bake", () => {
  const frame = Float32Array.of(0.5, -1);
  const expected = createSessionSync(modelOf("classifier"), { variant: "simd" }).stream().step(frame);

  it("writes a .wasm, a module and its types, and says their sizes", async () => {
    const { code, out, err } = bake("classifier.safetensors", "-o", "yes or no.wasm");
    expect([code, err]).toEqual([0, ""]);
    expect(out.match(/^yes or no\.(wasm|js|d\.ts) {2}[\d,]+ bytes$/gm)).toHaveLength(3);
    const baked = await load("yes or no.js");
    expect(baked.step(frame)).toEqual(expected);
    const bytes = new Uint8Array(readFileSync(join(folder, "yes or no.wasm")));
    expect((await load("yes or no.js", bytes)).step(frame)).toEqual(expected);
  });

  it("takes the name of the file, and layers for a file of weights", async () => {
    const { layers } = RECIPES.classifier;
    expect(bake("classifier.weights.safetensors", "--layers", JSON.stringify(layers)).code).toBe(0);
    expect((await load("classifier.weights.js")).step(frame)).toEqual(expected);
  });

  it("bakes int8: of a file of sluice quantize as it is, of another with --precision", async () => {
    expect(sluice(folder, ["quantize", "classifier.safetensors", "-o", "small.safetensors"]).code).toBe(0);
    expect(bake("small.safetensors").code).toBe(0);
    expect(bake("classifier.safetensors", "--precision", "int8", "-o", "quantized.wasm").code).toBe(0);
    expect(bake("small.safetensors", "--precision", "f32", "-o", "widened.wasm").code).toBe(0);
    const int8 = createSessionSync(modelOf("classifier"), { variant: "simd", precision: "int8" }).stream().step(frame);
    expect(int8).not.toEqual(expected);
    for (const name of ["small.js", "quantized.js"]) expect((await load(name)).step(frame)).toEqual(int8);
    expect((await load("widened.js")).step(frame)).not.toEqual(int8);
  });

  it("writes over what it made, and over nothing else", () => {
    expect(bake("classifier.safetensors", "--output", "again.wasm").code).toBe(0);
    expect(bake("classifier.safetensors", "--output", "again.wasm").code).toBe(0);
    writeFileSync(join(folder, "mine.d.ts"), "export {};");
    const { code, err } = bake("classifier.safetensors", "-o", "mine.wasm");
    expect([code, err]).toEqual([
      1,
      "sluice: mine.d.ts: expected no file, or one that sluice bake made; got another\n",
    ]);
    expect(existsSync(join(folder, "mine.wasm"))).toBe(false);
  });

  it.each([
    [["--variant", "reference"], '--variant: expected simd, relaxed; got "reference"'],
    [["--precision", "int4"], '--precision: expected f32, int8; got "int4"'],
    [["-o", "model.js"], '--output: expected a name that ends in .wasm; got "model.js"'],
    [["--max-steps", "0"], '--max-steps: expected an integer ≥ 1; got "0"'],
    [["--max-steps", "x"], '--max-steps: expected an integer ≥ 1; got "x"'],
  ])("is a wrong call with %j", (args, message) => {
    const { code, err } = bake("classifier.safetensors", ...args);
    expect([code, err]).toEqual([2, `sluice: ${message} (sluice bake --help tells more)\n`]);
  });

  it("says where it cannot write", () => {
    const { code, err } = bake("classifier.safetensors", "-o", "nowhere/model.wasm");
    expect([code, err]).toEqual([1, "sluice: nowhere/model.wasm: no such file or directory\n"]);
  });

  it("explains itself", () => {
    expect(bake("--help").out).toMatch(/^Usage: sluice bake FILE/);
  });
});

/** What a user may write: each line is right, or an error where it says so. */
const PROGRAMS: Readonly<Record<string, string>> = {
  classifier: `
    const y: Float32Array = baked.step(new Float32Array(2), new Float32Array(3));
    const h: Float32Array = baked.state["rnn.h"];
    // @ts-expect-error
    baked.step(1);
    // @ts-expect-error
    baked.state.h;
    baked.load(baked.save());`,
  bidirectional: `
    const y: Float32Array = baked.run(new Float32Array(8));
    // @ts-expect-error
    baked.step(new Float32Array(2));`,
  several: `
    const y: Float32Array = baked.step({ "left side": 1, right: new Float32Array(2) }).head;
    // @ts-expect-error
    baked.step({ right: new Float32Array(2) });`,
  characters: `
    const y: Float32Array = baked.step(3);
    baked.run(Int32Array.of(1, 2));
    // @ts-expect-error
    baked.run(Float32Array.of(1, 2));`,
};

describe("the types of a baked model", () => {
  it("say what may be called", () => {
    for (const [name, program] of Object.entries(PROGRAMS)) {
      bake(`${name}.safetensors`, "-o", `typed-${name}.wasm`);
      const code = `import { create, load } from "./typed-${name}.js";
        const baked = create(new Uint8Array(1));
        const later: Promise<typeof baked> = load();
        ${program}
        export { baked, later };`;
      writeFileSync(join(folder, `use-${name}.ts`), code);
    }
    const tsc = join(createRequire(import.meta.url).resolve("typescript/package.json"), "../bin/tsc");
    const files = Object.keys(PROGRAMS).map((name) => `use-${name}.ts`);
    const options = ["--noEmit", "--strict", "--module", "nodenext", "--target", "es2022", "--types", ""];
    const { status, stdout } = spawnSync(process.execPath, [tsc, ...options, ...files], { cwd: folder });
    expect([status, String(stdout)]).toEqual([0, ""]);
  }, 60_000);
});
