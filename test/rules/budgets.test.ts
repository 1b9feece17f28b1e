/**
 * What the package may weigh: a program that loads a model and runs it, as a page downloads it from what is published, and each
 * build of the kernels. The bars stand a little above what it weighs, so that growth shows; the goals are 25 KiB with the
 * binaries and 14 without.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { textOfBytes } from "../../src/binary-text.ts";

const root = new URL("../../", import.meta.url);
const KIB = 1024;

const PROGRAM = `
import { createSession, readModel } from "sluice";
export const open = async (bytes) => createSession(readModel(bytes));
`;

interface Bundle {
  /** What the page loads at once. */
  readonly code: string;
  /** Files that `import()` loads where they are needed. */
  readonly later: readonly string[];
}

/** The program over an entry of dist, bundled and minified. */
async function bundle(entry: string, program: string = PROGRAM): Promise<Bundle> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: program, resolveDir: fileURLToPath(root) },
    absWorkingDir: fileURLToPath(root),
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    write: false,
    outdir: "out",
    entryNames: "program",
    format: "esm",
    target: "es2022",
    legalComments: "none",
    alias: { sluice: `./dist/${entry}.js` },
  });
  const first = new Set(["out/program.js"]);
  for (const name of first)
    for (const { path, kind } of metafile.outputs[name].imports) if (kind === "import-statement") first.add(path);
  const isFirst = (path: string) => [...first].some((name) => path.replaceAll("\\", "/").endsWith(`/${name}`));
  const textsOf = (first: boolean) => outputFiles.filter(({ path }) => isFirst(path) === first).map(({ text }) => text);
  return { code: textsOf(true).join(""), later: textsOf(false) };
}

const zipped = (code: string) => gzipSync(code, { level: 9 }).length;

const texts = ["simd", "relaxed"].map((name) => textOfBytes(readFileSync(new URL(`build/${name}.wasm`, root))));

function expectAtMost(what: string, bytes: number, bar: number): void {
  expect(
    bytes,
    `${what}: ${bytes} bytes, ${(bytes / KIB).toFixed(1)} KiB; the bar is ${bar} bytes`,
  ).toBeLessThanOrEqual(bar);
}

describe("budgets", () => {
  let core: Bundle;
  beforeAll(async () => {
    core = await bundle("index");
  });

  it("a program with both binaries inline is at most 33.1 KiB after gzip", () => {
    for (const text of texts) expect(core.code).toContain(text);
    expectAtMost(`bundle (${core.code.length} bytes before gzip)`, zipped(core.code), 33.1 * KIB);
  });

  it("a program without the binaries is at most 23 KiB after gzip", () => {
    const code = texts.reduce((rest, text) => rest.replace(text, () => ""), core.code);
    expectAtMost(`bundle (${code.length} bytes before gzip)`, zipped(code), 23 * KIB);
  });

  it("what it loads later is the reference where no kernels run, at most 4 KiB after gzip, and two files of at most 2", () => {
    expect(core.code).not.toContain("expm1");
    const [reference, ...others] = core.later.map(zipped).sort((a, b) => b - a);
    expect(core.later.find((text) => zipped(text) === reference)).toContain("expm1");
    expectAtMost("reference", reference, 4 * KIB);
    expect(others.length).toBe(2);
    for (const bytes of others) expectAtMost("int8 and batch norms, or kernels from a URL", bytes, 2 * KIB);
  });

  it("a program that reads ONNX, with both builds of the graph kernels, is at most 71.5 KiB after gzip; the goal is 60", async () => {
    const { code, later } = await bundle("onnx");
    expectAtMost("bundle", zipped(code), 71.5 * KIB);
    const isReference = (text: string) => text.includes('variant:"reference"');
    expect(isReference(code)).toBe(false);
    const references = later.filter(isReference);
    expect(references.length).toBe(1);
    expectAtMost("reference", zipped(references[0]), 11 * KIB);
  });

  it("a page that reads ONNX and runs it in workers holds the graph kernels once, beside the text of its workers", async () => {
    const program = `export * from "./dist/onnx.js"; export * as worker from "./dist/graph-worker.js";`;
    const { code } = await bundle("onnx", program);
    const text = textOfBytes(readFileSync(new URL("build/graph-simd.wasm", root)));
    // As a string of its own; the workers' text has it with its quotes escaped.
    expect(code.split(`"${text.slice(0, text.length >> 1)}"`).length - 1).toBe(1);
  });

  it("a program for onnxruntime-web over sluice/ort is at most 74.2 KiB after gzip", async () => {
    const program = `export { InferenceSession, Tensor, env } from "sluice";`;
    expectAtMost("bundle", zipped((await bundle("ort", program)).code), 74.2 * KIB);
  });

  it.each(["simd", "relaxed"])("build/%s.wasm is at most 20,000 bytes", (name) => {
    expectAtMost(`build/${name}.wasm`, readFileSync(new URL(`build/${name}.wasm`, root)).length, 20_000);
  });

  it.each(["graph-simd", "graph-relaxed"])("build/%s.wasm is at most 32 KiB", (name) => {
    expectAtMost(`build/${name}.wasm`, readFileSync(new URL(`build/${name}.wasm`, root)).length, 32 * KIB);
  });
});
