/**
 * The package's other doors: the entries for hosts that forbid compiling and import .wasm files instead, the debug build
 * whose kernels check their arguments, and what package.json says is there.
 */

import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { instantiateSync } from "@assemblyscript/loader";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { textOfBytes } from "../../src/binary-text.ts";
import {
  createSessionSync,
  FormatError,
  type Model,
  ModelError,
  quantizeModel,
  SessionError,
  type SessionInfo,
  type SessionOptions,
  writeSafetensors,
} from "../../src/index.ts";
import { randomInputs, randomModel, seeded } from "../conformance/models.ts";
import { bitsOf, inChild } from "./child.ts";
import { openRealm } from "./realm.ts";

const root = new URL("../../", import.meta.url);
const model = randomModel("entries", [
  { type: "gru", name: "rnn", inputSize: 3, hiddenSize: 9 },
  { type: "linear", name: "head", inFeatures: 9, outFeatures: 2 },
]);
const frames = randomInputs(model, 20, seeded("frames"))[0] as Float32Array;
const modules = {
  simd: new WebAssembly.Module(readFileSync(new URL("dist/simd.wasm", root))),
  relaxed: new WebAssembly.Module(readFileSync(new URL("dist/relaxed.wasm", root))),
};

/** The import statements of a file, static and dynamic. */
async function importsOf(file: string): Promise<string[]> {
  const { metafile } = await build({
    entryPoints: [fileURLToPath(new URL(file, root))],
    bundle: true,
    write: false,
    format: "esm",
    metafile: true,
    logLevel: "error",
    plugins: [
      {
        name: "all external",
        setup({ onResolve }) {
          onResolve({ filter: /.*/ }, ({ kind, path }) =>
            kind === "entry-point" ? undefined : { path, external: true },
          );
        },
      },
    ],
  });
  return Object.values(metafile.inputs).flatMap(({ imports }) => imports.map(({ path }) => path));
}

describe("entries of hosts that import kernels as files", () => {
  it.each([
    ["dist/index.js", ["./load.js", "./quantize.js", "./reference.js"]],
    ["dist/bake.js", []],
    ["dist/debug.js", ["./load.js", "./quantize.js", "./reference.js"]],
    ["dist/workerd.js", ["./simd.wasm", "./relaxed.wasm"]],
    ["dist/edge-light.js", ["./simd.wasm?module", "./relaxed.wasm?module"]],
  ])("%s imports %j and nothing else", async (file, expected) => {
    expect((await importsOf(file)).sort()).toEqual([...expected].sort());
  });

  it.each(["workerd.js", "edge-light.js"])("dist/%s carries no kernels of its own", (file) => {
    const begin = textOfBytes(readFileSync(new URL("build/simd.wasm", root))).slice(0, 100);
    expect(readFileSync(new URL("dist/index.js", root), "utf8")).toContain(begin);
    expect(readFileSync(new URL(`dist/${file}`, root), "utf8")).not.toContain(begin);
  });

  it.each(["workerd.js", "edge-light.js"])("dist/%s runs where the engine refuses to compile", async (file) => {
    const realm = await openRealm(file, { compiles: false, modules });
    expect(() => realm("new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))")).toThrow("embedder");
    const inside = (await realm(`
      (async () => {
        const model = sluice.readModel(Uint8Array.of(${writeSafetensors(model)}));
        const frames = Float32Array.of(${frames});
        const sessions = [
          await sluice.createSession(model),
          sluice.createSessionSync(model),
          await sluice.createSession(model, { variant: "simd" }),
          await sluice.createSession(model, { runtime: await sluice.createRuntime() }),
        ];
        return sessions.map((session) => ({ variant: session.info.variant, output: session.run(frames).output }));
      })()`)) as {
      variant: SessionInfo["variant"];
      output: Float32Array;
    }[];
    const { variant } = createSessionSync(model).info;
    expect(inside.map((one) => one.variant)).toEqual([variant, variant, "simd", variant]);
    for (const { variant, output } of inside) {
      const outside = createSessionSync(model, { variant }).run(frames).output;
      expect(bitsOf(output)).toEqual(bitsOf(outside));
    }
    // Nothing is compiled, nor asked for.
    const calls = realm(`
      const calls = [];
      for (const name of ["compile", "compileStreaming", "instantiate", "instantiateStreaming", "Module"]) {
        WebAssembly[name] = function () { calls.push(name); throw new Error(name); };
      }
      sluice.createSessionSync(sluice.readModel(Uint8Array.of(${writeSafetensors(model)})));
      calls;`);
    expect(Array.from(calls as string[])).toEqual([]);
  });
});

describe("files that sluice loads where it needs them", () => {
  const normalised = randomModel("normalised", [
    { type: "linear", name: "in", inFeatures: 3, outFeatures: 5 },
    { type: "batchNorm", name: "norm", size: 5 },
    { type: "gru", name: "rnn", inputSize: 5, hiddenSize: 4 },
  ]);
  it.each<[string, Model, SessionOptions]>([
    ["a batch norm is folded", normalised, {}],
    ["weights are quantised", model, { precision: "int8" }],
    ["weights are int8", quantizeModel(model), {}],
    ["int8 weights are widened", quantizeModel(model), { precision: "f32" }],
    ["kernels come from a URL", model, { wasm: new URL("dist/simd.wasm", root) }],
  ])("give the same bits as createSessionSync, which carries them: %s", async (_, one, options) => {
    const built = (await import(new URL("dist/index.js", root).href)) as typeof import("../../src/index.ts");
    const session = await built.createSession(one, { variant: "simd", ...options });
    const expected = createSessionSync(one, { variant: "simd", precision: options.precision });
    expect(session.info.precision).toBe(expected.info.precision);
    expect(bitsOf(session.run(frames).output)).toEqual(bitsOf(expected.run(frames).output));
  });
});

it.each(["index", "graph", "onnx"])(
  "modelFromLayers of dist/%s.js refuses options that it does not know",
  async (name) => {
    const { modelFromLayers } = await import(new URL(`dist/${name}.js`, root).href);
    expect(() => modelFromLayers([{ type: "softmax" }], new Map(), { output: ["s"] })).toThrow(
      new RangeError('"options" expected inputs, outputs, ignore, nonFinite, info, states, got output'),
    );
  },
);

describe("kernels that a caller gives", () => {
  it.each([5, {}, "zzz", new URL("file:///kernels.wasm"), new Float32Array(2), null])(
    "are a Module, bytes or their text: %s is a TypeError",
    (wasm) => {
      expect(() => createSessionSync(model, { wasm: wasm as never })).toThrow(
        /^"wasm" expected a Module, bytes, a URL or a Response, got /,
      );
    },
  );

  it("are bytes in any buffer, or a Module", () => {
    const bytes = new Uint8Array(readFileSync(new URL("dist/simd.wasm", root)));
    const shared = new SharedArrayBuffer(bytes.length);
    new Uint8Array(shared).set(bytes);
    for (const wasm of [bytes, bytes.buffer, shared as never, modules.simd])
      expect(createSessionSync(model, { wasm }).info.variant).toBe("simd");
  });
});

describe("the classes of errors", () => {
  it.each(["index", "onnx", "load"])("what dist/%s.js throws is instanceof the class of sluice", async (name) => {
    const entry = await import(new URL(`dist/${name}.js`, root).href);
    const response = new Response("", { status: 404 });
    const calls: Readonly<Record<string, () => unknown>> = {
      index: () => entry.readModel(new Uint8Array(9)),
      onnx: () => entry.readModel(new Uint8Array(9)),
      load: () => entry.readAll(response),
    };
    const error = await Promise.resolve()
      .then(calls[name])
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect(error).toBeInstanceOf(Error);
    expect(error).not.toBeInstanceOf(ModelError);
    expect(error).toMatchObject({ name: "FormatError", code: expect.stringMatching(/^ERR_/) });
    expect(Object.getPrototypeOf(error)).not.toBe(FormatError.prototype);
  });

  it.each([null, undefined, 1, "FormatError", {}, new Error("FormatError")])("%s is of none of them", (value) => {
    for (const one of [FormatError, ModelError, SessionError]) expect(value instanceof one).toBe(false);
  });

  it("an error has the details that it was made with, and no others", () => {
    const error = new ModelError("ERR_SHAPE", "rnn: expected 1; got 2.", { node: "rnn", hint: "Is it transposed?" });
    expect(error.stack).toMatch(/^ModelError: rnn: expected 1; got 2\./);
    expect({ ...error }).toEqual({ code: "ERR_SHAPE", node: "rnn", hint: "Is it transposed?" });
    expect(error.message).toBe("rnn: expected 1; got 2. Is it transposed?");
  });
});

describe("sluice/debug", () => {
  const models: Readonly<Record<string, Model>> = {
    gru: model,
    chain: randomModel("chain", [
      { type: "linear", name: "in", inFeatures: 5, outFeatures: 7, activation: "elu" },
      { type: "lstm", name: "rnn", inputSize: 7, hiddenSize: 6, projSize: 3, peephole: true },
      { type: "layerNorm", name: "norm", size: 3 },
      { type: "logSoftmax" },
    ]),
    tokens: randomModel("tokens", [
      { type: "embedding", name: "table", numEmbeddings: 12, embeddingDim: 9 },
      { type: "rnn", name: "rnn", inputSize: 9, hiddenSize: 10, bidirectional: true },
    ]),
  };

  it.each(Object.entries(models))("gives the bits of simd: %s", async (_, one) => {
    const debug = (await import(new URL("dist/debug.js", root).href)) as typeof import("../../src/debug.ts");
    const [xs] = randomInputs(one, 14, seeded("debug"), 12);
    const expected = createSessionSync(one, { variant: "simd" });
    for (const session of [debug.createSessionSync(one), await debug.createSession(one)]) {
      expect(bitsOf(session.run(xs, { batch: 2 }).output)).toEqual(bitsOf(expected.run(xs, { batch: 2 }).output));
      if (one === models.tokens) continue;
      expect(bitsOf(session.stream().run(xs as Float32Array))).toEqual(
        bitsOf(expected.stream().run(xs as Float32Array)),
      );
    }
  });

  it("a failed assertion throws its message, file and line", () => {
    const { exports } = instantiateSync<{ execute(program: number, stream: number, steps: number): number }>(
      readFileSync(new URL("build/debug.wasm", root)),
    );
    expect(() => exports.execute(65536 + 8, 0, 1)).toThrow(
      /program: expected a 16-byte aligned address.* assembly\/execute\.ts:\d+:\d+/,
    );
    const line = /execute\.ts:(\d+):/.exec(message(() => exports.execute(65536 + 8, 0, 1)))?.[1];
    const source = readFileSync(new URL("assembly/execute.ts", root), "utf8").split("\n")[Number(line) - 1];
    expect(source).toContain("16-byte aligned");
  });
});

function message(call: () => void): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}

describe("package.json", () => {
  const { exports, bin, files } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as {
    exports: Record<string, string | Record<string, string>>;
    bin: Record<string, string>;
    files: string[];
  };
  const targets = Object.entries(exports).flatMap(([name, to]) =>
    typeof to === "string"
      ? [[name, to]]
      : Object.entries(to).map(([condition, path]) => [`${name} (${condition})`, path]),
  );

  it.each([...targets, ...Object.entries(bin)])("%s leads to a file that the package ships: %s", (_, path) => {
    expect(existsSync(new URL(path, root)), `${path}: expected a file after npm run build`).toBe(true);
    expect(path === "./package.json" || files.some((folder) => path.startsWith(`./${folder}/`))).toBe(true);
  });

  it("says types first and default last, and workerd before edge-light", () => {
    for (const conditions of Object.values(exports)) {
      if (typeof conditions === "string") continue;
      const names = Object.keys(conditions);
      expect([names[0], names.at(-1)]).toEqual(["types", "default"]);
      if (names.includes("edge-light")) expect(names.indexOf("workerd")).toBeLessThan(names.indexOf("edge-light"));
    }
  });

  it("gives each host its entry by its own condition", () => {
    const program = `
      const { createSession } = await import("sluice");
      const debug = await import("sluice/debug");
      answer([typeof createSession, typeof debug.createSession]);`;
    expect(inChild(program, model)).toEqual(["function", "function"]);
    for (const [file, flags] of [
      ["index", []],
      ["workerd", ["-C", "workerd"]],
      ["edge-light", ["-C", "edge-light"]],
    ] as const) {
      const path = new URL(`dist/${file}.js`, root).href;
      expect(inChild('answer(import.meta.resolve("sluice"))', model, flags)).toBe(path);
    }
  });
});
