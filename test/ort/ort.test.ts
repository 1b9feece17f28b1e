/** `sluice/ort`: sessions and tensors as onnxruntime-web has them, at the border of what is right and what is odd. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, describe, expect, it, vi } from "vitest";
import ort, {
  env,
  type Feeds,
  InferenceSession,
  type SessionOptions,
  Tensor,
  type TensorElements,
  type TensorType,
} from "../../src/ort.ts";
import { seeded, uniform } from "../conformance/models.ts";
import { type File, int, join as joined, message, text, model as write } from "../formats/onnx/writer.ts";

afterEach(() => {
  vi.restoreAllMocks();
  env.logLevel = "warning";
});

const numbers = (seed: string, count: number) => [...uniform(seeded(seed), count)];

/** x (T, 1, 4), h0 (1, 1, 3) → y (T, 1, 1, 3), hn (1, 1, 3) */
const GRU: File = {
  inputs: { x: ["T", 1, 4], h0: [1, 1, 3] },
  outputs: { y: ["T", 1, 1, 3], hn: [1, 1, 3] },
  initializers: {
    w: [[1, 9, 4], numbers("w", 36)],
    r: [[1, 9, 3], numbers("r", 27)],
    b: [[1, 18], numbers("b", 18)],
  },
  nodes: [{ op: "GRU", inputs: ["x", "w", "r", "b", "", "h0"], outputs: ["y", "hn"], attrs: { hidden_size: 3 } }],
};

/** A table of four words: ids → rows, their sums and the place of each row's largest. */
const WORDS: File = {
  inputs: { ids: [["N"], "int64"] },
  outputs: { rows: ["N", 3], sums: ["N"], best: joined(text(1, "best"), message(2, message(1, int(1, 7)))) },
  initializers: {
    table: [
      [4, 3],
      [0, 1, 2, 5, 4, 3, 6, 8, 7, 9, 10, 11],
    ],
    axis: [[1], [1], "int64"],
  },
  nodes: [
    { op: "Gather", inputs: ["table", "ids"], outputs: ["rows"] },
    { op: "ReduceSum", inputs: ["rows", "axis"], outputs: ["sums"], attrs: { keepdims: 0 } },
    { op: "ArgMax", inputs: ["rows"], outputs: ["best"], attrs: { axis: 1, keepdims: 0 } },
  ],
};

const branch = (factor: number) => ({
  graph: {
    nodes: [{ op: "Mul", inputs: ["x", "f"], outputs: ["z"] }],
    outputs: { z: [1] as const },
    initializers: { f: [[1], [factor]] as const },
  },
});
/** y = 2 x where rate is 16000, else 3 x. */
const BRANCHES: File = {
  inputs: { x: ["N"], rate: [[], "int64"], count: [[1], "int64"] },
  outputs: { y: ["N"], n: [1] },
  initializers: { known: [[], [16000], "int64"] },
  nodes: [
    { op: "Equal", inputs: ["rate", "known"], outputs: ["is"] },
    { op: "If", inputs: ["is"], outputs: ["y"], attrs: { then_branch: branch(2), else_branch: branch(3) } },
    { op: "Cast", inputs: ["count"], outputs: ["n"], attrs: { to: 1 } },
  ],
};

const create = (file: File) => InferenceSession.create(write(file));
const f32 = (data: readonly number[], dims?: readonly number[]) => new Tensor("float32", data, dims);
const i64 = (...data: number[]) => new Tensor("int64", data);

describe("a session", () => {
  it("says what comes in and out", async () => {
    const session = await create(WORDS);
    expect(session.inputNames).toEqual(["ids"]);
    expect(session.outputNames).toEqual(["rows", "sums", "best"]);
    expect(session.inputMetadata).toEqual([{ name: "ids", isTensor: true, type: "int64", shape: ["N"] }]);
    expect(session.outputMetadata[2]).toEqual({ name: "best", isTensor: true, type: "int64", shape: [] });
    session.startProfiling();
    session.endProfiling();
  });

  it("keeps no state: what comes out is what goes in the next time", async () => {
    const session = await create(GRU);
    const x = numbers("x", 12);
    const whole = await session.run({ x: f32(x, [3, 1, 4]), h0: f32([0.1, 0.2, 0.3], [1, 1, 3]) });
    expect(whole.y.dims).toEqual([3, 1, 1, 3]);
    let h0 = f32([0.1, 0.2, 0.3], [1, 1, 3]);
    const rows: number[] = [];
    for (let t = 0; t < 3; t++) {
      const frame = f32(x.slice(4 * t, 4 * t + 4), [1, 1, 4]);
      const first = await session.run({ x: frame, h0 });
      const again = await session.run({ x: frame, h0 });
      expect(again.y.data).toEqual(first.y.data);
      rows.push(...(first.y.data as Float32Array));
      h0 = first.hn as typeof h0;
    }
    expect(rows).toEqual([...(whole.y.data as Float32Array)]);
    expect(h0.data).toEqual(whole.hn.data);
  });

  it("gives integers as the file's types, and takes any length", async () => {
    const session = await create(WORDS);
    const { rows, sums, best } = await session.run({ ids: i64(2, 0) });
    expect([...(rows.data as Float32Array)]).toEqual([6, 8, 7, 0, 1, 2]);
    expect([...(sums.data as Float32Array)]).toEqual([21, 3]);
    expect(best.data).toEqual(BigInt64Array.of(1n, 2n));
    expect([rows.dims, sums.dims, best.dims]).toEqual([[2, 3], [2], [2]]);
    for (let n = 1; n <= 7; n++) {
      const ids = Array.from({ length: n }, (_, i) => (i + n) % 4);
      expect([...((await session.run({ ids: i64(...ids) })).sums.data as Float32Array)]).toEqual(
        ids.map((id) => [3, 12, 21, 30][id]),
      );
    }
    expect((await session.run({ ids: i64(2, 0) })).best.data).toEqual(BigInt64Array.of(1n, 2n));
  });

  it("fixes integers that decide about branches, and no others", async () => {
    const session = await create(BRANCHES);
    const run = async (rate: Tensor, count: number) => {
      const { y, n } = await session.run({ x: f32([1, 2]), rate, count: i64(count) });
      return [...(y.data as Float32Array), ...(n.data as Float32Array)];
    };
    expect(await run(new Tensor("int64", [16000n], []), 5)).toEqual([2, 4, 5]);
    expect(await run(i64(8000), 5)).toEqual([3, 6, 5]); // one element with an axis, as onnxruntime takes it
    for (let count = 0; count < 9; count++) expect(await run(i64(16000), count)).toEqual([2, 4, count]);
  });

  it("takes and gives double, bool and small integers", async () => {
    const session = await create({
      inputs: { a: [[3], "double"], b: [[3], "bool"], c: [[3], "uint8"] },
      outputs: {
        y: joined(text(1, "y"), message(2, message(1, int(1, 11), message(2, message(1, int(1, 3)))))),
        z: joined(text(1, "z"), message(2, message(1, int(1, 9), message(2, message(1, int(1, 3)))))),
        c2: joined(text(1, "c2"), message(2, message(1, int(1, 2), message(2, message(1, int(1, 3)))))),
      },
      nodes: [
        { op: "Neg", inputs: ["a"], outputs: ["y"] },
        { op: "Not", inputs: ["b"], outputs: ["z"] },
        { op: "Add", inputs: ["c", "c"], outputs: ["c2"] },
      ],
    });
    const { y, z, c2 } = await session.run({
      a: new Tensor(Float64Array.of(1, 2.5, -3)),
      b: new Tensor([true, false, true]),
      c: new Tensor(Uint8Array.of(1, 2, 3)),
    });
    expect(y.data).toEqual(Float64Array.of(-1, -2.5, 3));
    expect(z.data).toEqual(Uint8Array.of(0, 1, 0));
    expect(c2.data).toEqual(Uint8Array.of(2, 4, 6));
  });

  it("takes inputs that nothing reads, and gives an input back as an output", async () => {
    const session = await create({
      inputs: { x: [2], idle: [5] },
      outputs: { y: [2], z: [2] },
      nodes: [
        { op: "Relu", inputs: ["x"], outputs: ["y"] },
        { op: "Identity", inputs: ["x"], outputs: ["z"] },
      ],
    });
    const { y, z } = await session.run({ x: f32([-1, 2]), idle: f32([1, 2, 3, 4, 5]) });
    expect([...(y.data as Float32Array), ...(z.data as Float32Array)]).toEqual([0, 2, -1, 2]);
  });

  it("takes any shape where the file says none", async () => {
    const bare = joined(text(1, "x"), message(2, message(1, int(1, 1))));
    const file: File = {
      inputs: { x: bare },
      outputs: { y: [1] },
      nodes: [{ op: "Neg", inputs: ["x"], outputs: ["y"] }],
    };
    const session = await create(file);
    for (const dims of [[6], [2, 3], [1, 1, 6]]) {
      const { y } = await session.run({ x: f32([1, 2, 3, 4, 5, 6], dims) });
      expect([y.dims, ...(y.data as Float32Array)]).toEqual([dims, -1, -2, -3, -4, -5, -6]);
    }
    await expect(session.run({ x: f32([], [0]) })).rejects.toThrow('"x" expected elements, got none');
  });

  it("gives the outputs that are asked for, also into tensors", async () => {
    const session = await create(WORDS);
    const feeds = { ids: i64(1) };
    expect(Object.keys(await session.run(feeds, ["best", "sums"]))).toEqual(["best", "sums"]);
    expect(Object.keys(await session.run(feeds, { rows: null }))).toEqual(["rows"]);
    expect(Object.keys(await session.run(feeds, { logSeverityLevel: 0 }))).toEqual(["rows", "sums", "best"]);
    const into = f32([0, 0, 0], [1, 3]);
    const { rows } = await session.run(feeds, { rows: into });
    expect(rows).toBe(into);
    expect([...(into.data as Float32Array)]).toEqual([5, 4, 3]);
    await expect(session.run(feeds, { rows: f32([1]) })).rejects.toThrow(
      new TypeError('"rows" expected float32 (1, 3), got float32 (1)'),
    );
  });

  it("is made of bytes in any form, or of a path or URL that the caller gives", async () => {
    const bytes = write(WORDS);
    const sums = async (session: InferenceSession) =>
      [...((await session.run({ ids: i64(3) })).sums.data as Float32Array)].concat(session.inputNames.length);
    const padded = new Uint8Array(bytes.length + 20);
    padded.set(bytes, 10);
    const shared = new SharedArrayBuffer(bytes.length);
    new Uint8Array(shared).set(bytes);
    const folder = mkdtempSync(join(tmpdir(), "sluice-ort-"));
    const path = join(folder, "words.onnx");
    writeFileSync(path, bytes);
    const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };
    for (const session of [
      InferenceSession.create(bytes, options),
      InferenceSession.create(bytes.slice().buffer, options),
      InferenceSession.create(padded.buffer, 10, bytes.length, options),
      InferenceSession.create(shared),
      InferenceSession.create(path, options),
      InferenceSession.create(pathToFileURL(path).href),
    ])
      expect(await sums(await session)).toEqual([30, 1]);
    rmSync(folder, { recursive: true });
  });

  it("takes the files that a model names from externalData alone", async () => {
    const entry = (key: string, value: string) => message(13, text(1, key), text(2, value));
    const file: File = {
      inputs: { x: [2] },
      outputs: { y: [2] },
      initializers: {
        w: { tensor: joined(int(1, 2), int(2, 1), text(8, "w"), entry("location", "w.bin"), int(14, 1)) },
      },
      nodes: [{ op: "Add", inputs: ["x", "w"], outputs: ["y"] }],
    };
    const data = new Uint8Array(Float32Array.of(10, 20).buffer);
    const feeds = { x: f32([1, 2]) };
    for (const path of ["w.bin", "./w.bin"]) {
      const session = await InferenceSession.create(write(file), { externalData: [{ path, data }] });
      expect([...((await session.run(feeds)).y.data as Float32Array)]).toEqual([11, 22]);
    }
    await expect((await create(file)).run(feeds)).rejects.toMatchObject({
      code: "ERR_EXTERNAL_DATA",
      message: "w.bin: expected its bytes in externalData; got none",
    });
  });

  it("says once for each reading what a file has wrong, unless it is not to", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const feeds = { x: f32(numbers("x", 4), [1, 1, 4]), h0: f32([0, 0, 0], [1, 1, 3]) };
    const session = await create({ ...GRU, exporter: ["pytorch", "2.9.0"] });
    await session.run(feeds);
    await session.run(feeds);
    expect(warn.mock.calls).toEqual([[expect.stringContaining("linear_before_reset is 0")]]);
    env.logLevel = "error";
    await (await create({ ...GRU, exporter: ["pytorch", "2.9.0"] })).run(feeds);
    expect(warn).toHaveBeenCalledTimes(1);
  });

  it("ends, and is as good where another runs on", async () => {
    const [one, other] = [await create(WORDS), await create(WORDS)];
    await one.run({ ids: i64(0) });
    const running = one.run({ ids: i64(0, 1, 2) }); // is specialised meanwhile
    await one.release();
    await one.release();
    await expect(running).rejects.toMatchObject({ code: "ERR_DISPOSED" });
    await expect(one.run({ ids: i64(0) })).rejects.toMatchObject({ code: "ERR_DISPOSED" });
    expect((await other.run({ ids: i64(0) })).best.data).toEqual(BigInt64Array.of(2n));
  });
});

describe("what is odd is refused in plain words", () => {
  const x = f32([1, 2]);
  const rate = i64(16000);
  const count = i64(1);
  it.each<[string, unknown, string]>([
    ["no feeds", undefined, '"feeds" expected a record of x, rate, count, got undefined'],
    ["a list", [x], '"feeds" expected a record of x, rate, count, got Array'],
    ["a tensor alone", x, '"feeds" expected a record of x, rate, count, got Object'],
    ["a missing one", { x, rate }, '"feeds" expected a Tensor for count, got undefined'],
    ["an array for a tensor", { x: [1, 2], rate, count }, '"feeds" expected a Tensor for x, got Array'],
    ["an unknown name", { x, rate, count, sr: rate }, '"feeds" expected x, rate, count, got sr'],
    ["a name of objects", { x, rate, count, constructor: x }, '"feeds" expected x, rate, count, got constructor'],
    ["another type", { x: i64(1), rate, count }, '"x" expected a tensor of float32, got int64'],
    ["float for int64", { x, rate: f32([16000]), count }, '"rate" expected a tensor of int64, got float32'],
    ["too many axes", { x: f32([1, 2], [1, 2]), rate, count }, '"x" expected shape (N), got (1, 2)'],
    ["another size", { x, rate, count: i64(1, 2) }, '"count" expected shape (1), got (2)'],
    ["two for a scalar", { x, rate: i64(1, 2), count }, '"rate" expected shape (), got (2)'],
    ["no elements", { x: f32([], [0]), rate, count }, '"x" expected elements, got none'],
    ["past 32 bits", { x, rate, count: i64(2 ** 40) }, `"count" expected int64 that fit 32 bits, got ${2 ** 40}`],
    [
      "a tensor that lies",
      { x: { type: "float32", dims: [3], data: new Float32Array(2) }, rate, count },
      '"x" expected as many elements of float32 as (3) say, got others',
    ],
  ])("%s", async (_, feeds, text) => {
    const session = await create(BRANCHES);
    await expect(session.run(feeds as Feeds)).rejects.toThrow(text);
    await session.run({ x, rate, count });
  });

  it.each<[unknown, string]>([
    [null, '"fetches" expected names of outputs, or a record by them, got null'],
    ["y", '"fetches" expected names of outputs, or a record by them, got String'],
    [x, '"fetches" expected names of outputs, or a record by them, got Object'],
    [[], '"fetches" expected names of outputs, got none'],
    [["z"], '"fetches" expected y, n, got z'],
  ])("fetches %o", async (fetches, text) => {
    await expect((await create(BRANCHES)).run({ x, rate, count }, fetches as object)).rejects.toThrow(text);
  });

  it("a tensor that is disposed", async () => {
    const session = await create(BRANCHES);
    const gone = f32([1]);
    gone.dispose();
    await expect(session.run({ x: gone, rate, count })).rejects.toMatchObject({ code: "ERR_DISPOSED" });
  });

  it.each<[string, unknown, unknown, object]>([
    ["no model", undefined, undefined, { message: '"model" expected a path, URL or bytes, got undefined' }],
    ["options that are none", write(WORDS), "wasm", { message: '"options" expected a record, got String' }],
    ["bytes of something else", new Uint8Array(100), undefined, { name: "FormatError" }],
    ["no bytes", new ArrayBuffer(0), undefined, { code: "ERR_HEADER" }],
    ["strings", write({ ...WORDS, inputs: { ids: [["N"], "string"] } }), undefined, { code: "ERR_DTYPE" }],
    ["half precision", write({ ...GRU, inputs: { x: [["T", 1, 4], "float16"] } }), undefined, { code: "ERR_DTYPE" }],
  ])("create of %s", async (_, bytes, options, error) => {
    await expect(InferenceSession.create(bytes as Uint8Array, options as SessionOptions)).rejects.toMatchObject(error);
  });

  it("an operator that is not there, by its node, before anything runs", async () => {
    const session = await create({
      inputs: { x: [2], n: [[1], "int64"], m: [[1], "int64"] },
      outputs: { y: [2] },
      nodes: [{ op: "Det", inputs: ["x"], outputs: ["y"], name: "volume" }],
    });
    await expect(session.run({ x, n: count, m: count })).rejects.toMatchObject({
      code: "ERR_UNSUPPORTED_OP",
      node: "volume",
    });
  });

  it("integers that come out from 2²⁴ on, which f32 may have rounded", async () => {
    const session = await create({
      inputs: { a: [[1], "int32"], c: [[1], "int32"] },
      outputs: { b: joined(text(1, "b"), message(2, message(1, int(1, 6), message(2, message(1, int(1, 1)))))) },
      nodes: [{ op: "Add", inputs: ["a", "c"], outputs: ["b"] }],
    });
    const sum = (a: number) => session.run({ a: new Tensor(Int32Array.of(a)), c: new Tensor(Int32Array.of(2 ** 23)) });
    expect((await sum(2 ** 23 - 1)).b.data).toEqual(Int32Array.of(2 ** 24 - 1));
    for (const a of [2 ** 23, 2 ** 23 + 1])
      await expect(sum(a)).rejects.toThrow('"b" expected integers up to 16777215, got larger ones');
  });
});

describe("a tensor", () => {
  it("has a type, elements and sizes", async () => {
    const data = Float32Array.of(1, 2, 3, 4, 5, 6);
    const tensor = new Tensor("float32", data, [2, 3]);
    expect(tensor).toMatchObject({ type: "float32", dims: [2, 3], size: 6, location: "cpu" });
    expect(tensor.data).toBe(data);
    expect(await tensor.getData()).toBe(data);
    expect(tensor.reshape([3, 2])).toMatchObject({ type: "float32", dims: [3, 2] });
    tensor.dispose();
    tensor.dispose();
    expect(() => tensor.data).toThrow("tensor: expected a live one; it is disposed.");
  });

  it.each<[TensorElements, string, TensorElements]>([
    [Float32Array.of(1), "float32", Float32Array.of(1)],
    [Float64Array.of(1), "float64", Float64Array.of(1)],
    [Int8Array.of(1), "int8", Int8Array.of(1)],
    [Uint8Array.of(1), "uint8", Uint8Array.of(1)],
    [Uint8ClampedArray.of(1), "uint8", Uint8Array.of(1)],
    [Int16Array.of(1), "int16", Int16Array.of(1)],
    [Uint16Array.of(1), "uint16", Uint16Array.of(1)],
    [Int32Array.of(1), "int32", Int32Array.of(1)],
    [Uint32Array.of(1), "uint32", Uint32Array.of(1)],
    [BigInt64Array.of(1n), "int64", BigInt64Array.of(1n)],
    [[true, false], "bool", Uint8Array.of(1, 0)],
  ])("from %o alone is %s", (data, type, expected) => {
    const tensor = new Tensor(data as Float32Array);
    expect([tensor.type, tensor.data, tensor.dims]).toEqual([type, expected, [expected.length]]);
  });

  it.each<[TensorType, TensorElements, TensorElements]>([
    ["float32", [1, 2], Float32Array.of(1, 2)],
    ["int64", [1, 2n], BigInt64Array.of(1n, 2n)],
    ["bool", [true, false], Uint8Array.of(1, 0)],
    ["bool", Uint8Array.of(1, 0), Uint8Array.of(1, 0)],
    ["uint8", Uint8ClampedArray.of(1, 0), Uint8Array.of(1, 0)],
  ])("of %s from %o", (type, data, expected) => {
    expect(new Tensor(type, data).data).toEqual(expected);
  });

  it.each<[unknown[], string]>([
    [
      ["float16", new Uint16Array(1)],
      '"type" expected float32, uint8, int8, uint16, int16, int32, int64, bool, float64, uint32; got float16',
    ],
    [["constructor", [1]], "got constructor"],
    [[["a"]], "got an array of strings"],
    [[undefined], "got undefined"],
    [["float32", Float64Array.of(1)], '"data" expected Float32Array, got Float64Array'],
    [["float32", ["1"]], '"data" expected numbers for float32, got others'],
    [["int64", [1.5]], "1.5"],
    [["float32"], '"data" expected Float32Array, got undefined'],
    [["float32", [1, 2], [3]], '"data" expected 3 elements for dims (3), got 2'],
    [["float32", [1], [1.5]], '"dims" expected an array of sizes, got 1.5'],
    [["float32", [1], 1], '"dims" expected an array of sizes, got Number'],
    [["float32", [1], [-1]], '"dims" expected an array of sizes, got -1'],
  ])("of %o is refused", (given, text) => {
    expect(() => new (Tensor as unknown as new (...all: unknown[]) => Tensor)(...given)).toThrow(text);
  });
});

it("the settings take what onnxruntime-web's take, and the default export is all", () => {
  env.wasm.numThreads = 1;
  env.wasm.wasmPaths = "/files/";
  env.webgpu.powerPreference = "low-power";
  env.something = {};
  expect(env).toMatchObject({ wasm: { numThreads: 1 }, debug: false, versions: { common: expect.any(String) } });
  expect(ort).toEqual({ InferenceSession, Tensor, env });
});
