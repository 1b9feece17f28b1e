/**
 * The package inside an AudioWorkletGlobalScope, which has the globals of ECMAScript and WebAssembly but no decoder of text,
 * no fetch, no timer, no console: dist/index.js evaluated in a realm without them gives the bits that it gives outside.
 */

import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { createSessionSync, type Model, writeSafetensors } from "../../src/index.ts";
import { randomModel, seeded, uniform } from "../conformance/models.ts";
import { bitsOf, inChild } from "./child.ts";
import { openRealm, type Realm } from "./realm.ts";

const frames = uniform(seeded("frames"), 50 * 4, -2, 2);
const models: Readonly<Record<string, Model>> = {
  gru: randomModel("gru", [
    { type: "gru", name: "rnn", inputSize: 4, hiddenSize: 17 },
    { type: "linear", name: "head", inFeatures: 17, outFeatures: 3, activation: "sigmoid" },
  ]),
  lstm: randomModel("lstm", [
    { type: "layerNorm", name: "norm", size: 4 },
    { type: "lstm", name: "Größe", inputSize: 4, hiddenSize: 8, numLayers: 2 },
    { type: "softmax" },
  ]),
  bidirectional: randomModel("bidirectional", [
    { type: "rnn", name: "rnn", inputSize: 4, hiddenSize: 5, bidirectional: true },
  ]),
};

describe("a realm with the globals of an audio worklet", () => {
  let realm: Realm;
  beforeAll(async () => {
    realm = await openRealm("index.js");
  });

  it("has nothing of a window, a worker or Node", () => {
    const names =
      "TextDecoder TextEncoder atob btoa URL fetch performance setTimeout queueMicrotask Response process console " +
      "structuredClone navigator crypto AbortController ReadableStream TransformStream Buffer require global self window";
    const present = names.split(" ").filter((name) => realm(`typeof ${name}`) !== "undefined");
    expect(present).toEqual([]);
  });

  it.each(Object.entries(models))("createSessionSync of %s gives the same bits as outside", (_, model) => {
    for (const variant of ["simd", "auto", "reference"] as const) {
      const outside = createSessionSync(model, { variant });
      const inside = realm(`
        (() => {
          const model = sluice.readModel(Uint8Array.of(${writeSafetensors(model)}));
          const session = sluice.createSessionSync(model, { variant: "${variant}" });
          return { variant: session.info.variant, output: session.run(Float32Array.of(${frames})).output };
        })()`) as { variant: string; output: Float32Array };
      expect(inside.variant).toBe(outside.info.variant);
      expect(bitsOf(inside.output)).toEqual(bitsOf(outside.run(frames).output));
    }
  });

  it("streams, groups, saved states and errors work there", () => {
    const model = models.gru;
    const outside = createSessionSync(model, { variant: "simd" });
    const stream = outside.stream();
    stream.run(frames.subarray(0, 100));
    const saved = stream.save();
    const rest = stream.run(frames.subarray(100));
    const answer = realm(`
      (() => {
        const model = sluice.readModel(Uint8Array.of(${writeSafetensors(model)}));
        const session = sluice.createSessionSync(model, { variant: "simd" });
        const stream = session.stream();
        stream.load(Uint8Array.of(${saved}));
        const rest = stream.run(Float32Array.of(${frames.subarray(100)}));
        const group = session.group(2);
        group.load(1, Uint8Array.of(${saved}));
        const x = Float32Array.of(${frames.subarray(100, 104)});
        const ofGroup = group.step(x, undefined, Int32Array.of(1));
        let message;
        try { stream.step([1, 2, 3, 4]); } catch (error) { message = error.name + ": " + error.message; }
        return { rest, ofGroup, message };
      })()`) as { rest: Float32Array; ofGroup: Float32Array; message: string };
    expect(bitsOf(answer.rest)).toEqual(bitsOf(rest));
    expect(bitsOf(answer.ofGroup)).toEqual(bitsOf(rest.slice(0, 3)));
    expect(answer.message).toBe('TypeError: "input" expected Float32Array, got Array');
  });

  it("a Module compiled elsewhere serves as wasm", () => {
    const outside = createSessionSync(models.gru, { variant: "simd" });
    const inside = realm(`
      (module) => {
        const model = sluice.readModel(Uint8Array.of(${writeSafetensors(models.gru)}));
        return sluice.createSessionSync(model, { wasm: module }).run(Float32Array.of(${frames})).output;
      }`) as (module: WebAssembly.Module) => Float32Array;
    expect(bitsOf(inside(new WebAssembly.Module(readFileSync("dist/simd.wasm"))))).toEqual(
      bitsOf(outside.run(frames).output),
    );
  });
});

it("the file itself, as a module of such a realm, imports nothing", () => {
  const program = `
    import { createContext, SourceTextModule } from "node:vm";
    const context = createContext({});
    const module = new SourceTextModule(readFileSync(new URL(entry), "utf8"), { context });
    const imports = [];
    await module.link((name) => { imports.push(name); throw new Error(name); }).catch(() => {});
    if (imports.length === 0) await module.evaluate();
    answer({ imports, status: module.status, names: imports.length === 0 ? Object.keys(module.namespace) : [] });`;
  const { imports, status, names } = inChild(program, models.gru, ["--experimental-vm-modules"]) as Record<
    string,
    unknown
  >;
  expect(imports).toEqual([]);
  expect(status).toBe("evaluated");
  expect(names).toContain("createSessionSync");
});
