/** Hosts without WebAssembly, without its SIMD, or with a policy against it: `auto` takes the reference and says so. */

import { beforeAll, describe, expect, it } from "vitest";
import { createSessionSync, writeSafetensors } from "../../src/index.ts";
import { expectClose } from "../conformance/compare.ts";
import { randomModel, seeded, uniform } from "../conformance/models.ts";
import { bitsOf, inChild } from "./child.ts";
import { openRealm } from "./realm.ts";

const model = randomModel("no WebAssembly", [
  { type: "gru", name: "rnn", inputSize: 3, hiddenSize: 7 },
  { type: "linear", name: "head", inFeatures: 7, outFeatures: 2 },
]);
const frames = uniform(seeded("frames"), 9 * 3, -2, 2);
const reference = createSessionSync(model, { variant: "reference" }).run(frames).output;
const simd = createSessionSync(model, { variant: "simd" }).run(frames).output;

/** What a host does before anything of the package is evaluated. */
const HOSTS = {
  "WebAssembly is missing": "delete globalThis.WebAssembly;",
  "the engine validates no SIMD": `
    WebAssembly.validate = () => false;
    WebAssembly.compile = async () => { throw new WebAssembly.CompileError("invalid numeric opcode"); };
    WebAssembly.Module = class { constructor() { throw new WebAssembly.CompileError("invalid numeric opcode"); } };`,
  "compiling throws": `
    WebAssembly.compile = async () => { throw new WebAssembly.CompileError("disallowed by embedder"); };
    WebAssembly.Module = class { constructor() { throw new WebAssembly.CompileError("disallowed by embedder"); } };`,
  "instantiating throws": `
    WebAssembly.instantiate = async () => { throw new WebAssembly.CompileError("disallowed by embedder"); };
    WebAssembly.Instance = class { constructor() { throw new WebAssembly.CompileError("disallowed by embedder"); } };`,
};

const PROGRAM = `
const { createRuntime, createRuntimeSync, createSession, createSessionSync, readModel } = await import(entry);
const model = readModel(given);
const frames = Float32Array.from(${JSON.stringify(Array.from(frames))});
const refusal = async (open) => {
  try { await open(); } catch ({ name, code, message }) { return { name, code, message }; }
};
const results = [];
for (const create of [createSession, createSessionSync]) {
  const session = await create(model);
  const stream = session.stream();
  const steps = new Float32Array(18);
  for (let t = 0; t < 9; t++) stream.step(frames.slice(3 * t, 3 * t + 3), steps.subarray(2 * t, 2 * t + 2));
  results.push({
    variant: session.info.variant,
    run: bits(session.run(frames).output),
    steps: bits(steps),
    refusals: [await refusal(() => create(model, { variant: "simd" })), await refusal(() => create(model, { variant: "relaxed" }))],
  });
}
const runtimes = [(await createRuntime()) === undefined, createRuntimeSync() === undefined];
answer({ results, runtimes });
`;

interface Result {
  readonly variant: string;
  readonly run: number[];
  readonly steps: number[];
  readonly refusals: { readonly name: string; readonly code: string; readonly message: string }[];
}

describe.each(Object.entries(HOSTS))("where %s", (_, host) => {
  let results: Result[];
  let runtimes: boolean[];
  beforeAll(() => {
    ({ results, runtimes } = inChild(host + PROGRAM, model) as { results: Result[]; runtimes: boolean[] });
  });

  it("auto gives the reference with the reference's bits, async and sync", () => {
    expect(results.map(({ variant }) => variant)).toEqual(["reference", "reference"]);
    for (const { run, steps } of results) {
      expect(run).toEqual(bitsOf(reference));
      expect(steps).toEqual(bitsOf(reference));
    }
  });

  it("simd and relaxed are refused by name", () => {
    for (const { refusals } of results) {
      expect(refusals.map(({ name, code }) => `${name} ${code}`)).toEqual([
        "ModelError ERR_VARIANT",
        "ModelError ERR_VARIANT",
      ]);
      expect(refusals[0].message).toContain('"simd"');
      expect(refusals[1].message).toContain('"relaxed"');
    }
  });

  it("createRuntime gives undefined", () => {
    expect(runtimes).toEqual([true, true]);
  });
});

describe("where the engine itself forbids code generation", () => {
  it("auto gives the reference, simd is refused", async () => {
    const realm = await openRealm("index.js", { compiles: false });
    // Otherwise this test shows nothing.
    expect(() => realm("new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))")).toThrow("embedder");
    const answer = realm(`
      const model = sluice.readModel(Uint8Array.of(${writeSafetensors(model)}));
      const session = sluice.createSessionSync(model);
      let code;
      try { sluice.createSessionSync(model, { variant: "simd" }); } catch (error) { code = error.code; }
      ({ variant: session.info.variant, code, output: session.run(Float32Array.of(${frames})).output })`);
    const { variant, code, output } = answer as { variant: string; code: string; output: Float32Array };
    expect([variant, code]).toEqual(["reference", "ERR_VARIANT"]);
    expect(bitsOf(output)).toEqual(bitsOf(reference));
  });
});

it("creating a session in Node leaves fetch and its classes alone, which Node loads at their first use", () => {
  const program = `
    const touched = [];
    for (const name of ["fetch", "Response", "Request", "Headers", "FormData"]) {
      const value = Object.getOwnPropertyDescriptor(globalThis, name);
      Object.defineProperty(globalThis, name, { get() { touched.push(name); return value.get ? value.get() : value.value; } });
    }
    const { createSession, createSessionSync, readModel } = await import(entry);
    const model = readModel(given);
    for (const create of [createSession, createSessionSync]) (await create(model)).dispose();
    answer(touched);`;
  expect(inChild(program, model)).toEqual([]);
});

it("the reference's numbers are those of the kernels within rounding", () => {
  expectClose("simd against reference", simd, reference, 1e-6);
});
