/**
 * What the package may weigh: a program that loads a model and runs it, as a page downloads it, and each build of the kernels.
 * The bars stand a little above what it weighs, so that growth shows; the goals are 25 KiB with the binaries and 14 without.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { describe, expect, it } from "vitest";
import { textOfBytes } from "../../src/binary-text.ts";

const root = new URL("../../", import.meta.url);
const KIB = 1024;

const PROGRAM = `
import { createSession, readModel } from "sluice";
export const open = async (bytes) => createSession(readModel(bytes));
`;

/** The program bundled and minified from src; `text`: with both binaries as text, or with neither. */
async function bundle(text: boolean): Promise<Uint8Array> {
  const { outputFiles } = await build({
    stdin: { contents: PROGRAM, resolveDir: fileURLToPath(root) },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    legalComments: "none",
    alias: { sluice: "./src/index.ts" },
    plugins: text
      ? []
      : [
          {
            name: "no text",
            setup({ onLoad }) {
              onLoad({ filter: /build[\\/]kernels\.ts$/ }, () => ({
                contents: 'export const simd = "", relaxed = "";',
                loader: "ts",
              }));
            },
          },
        ],
  });
  return outputFiles[0].contents;
}

function expectAtMost(what: string, bytes: number, bar: number): void {
  expect(
    bytes,
    `${what}: ${bytes} bytes, ${(bytes / KIB).toFixed(1)} KiB; the bar is ${bar} bytes`,
  ).toBeLessThanOrEqual(bar);
}

describe("budgets", () => {
  it("a program with both binaries inline is at most 40 KiB after gzip", async () => {
    const code = await bundle(true);
    expectAtMost(`bundle (${code.length} bytes before gzip)`, gzipSync(code, { level: 9 }).length, 40 * KIB);
  });

  it("a program without the binaries is at most 27 KiB after gzip", async () => {
    const code = await bundle(false);
    expectAtMost(`bundle (${code.length} bytes before gzip)`, gzipSync(code, { level: 9 }).length, 27 * KIB);
  });

  it("a program that reads ONNX, with both builds of the graph kernels, is at most 92 KiB after gzip; the goal is 60", async () => {
    const { outputFiles } = await build({
      stdin: { contents: PROGRAM, resolveDir: fileURLToPath(root) },
      bundle: true,
      minify: true,
      write: false,
      format: "esm",
      target: "es2022",
      legalComments: "none",
      alias: { sluice: "./src/onnx.ts" },
    });
    expectAtMost("bundle", gzipSync(outputFiles[0].contents, { level: 9 }).length, 92 * KIB);
  });

  it.each(["simd", "relaxed"])("build/%s.wasm is at most 20,000 bytes", (name) => {
    expectAtMost(`build/${name}.wasm`, readFileSync(new URL(`build/${name}.wasm`, root)).length, 20_000);
  });

  it.each(["graph-simd", "graph-relaxed"])("build/%s.wasm is at most 40 KiB", (name) => {
    expectAtMost(`build/${name}.wasm`, readFileSync(new URL(`build/${name}.wasm`, root)).length, 40 * KIB);
  });

  it("both binaries are in the first bundle, neither in the second", async () => {
    const [withText, without] = [await bundle(true), await bundle(false)].map((code) => Buffer.from(code).toString());
    for (const name of ["simd", "relaxed"]) {
      const text = textOfBytes(readFileSync(new URL(`build/${name}.wasm`, root)));
      expect(withText.includes(text)).toBe(true);
      expect(without.includes(text.slice(0, 100))).toBe(false);
    }
  });
});
