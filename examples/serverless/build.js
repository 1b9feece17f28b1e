/**
 * The next-character model → out/model.wasm with its wrapper, and the bundles that Lambda and Vercel take: out/lambda.mjs holds the
 * model's bytes, out/edge.js leaves the .wasm an import.
 */

import { mkdirSync, writeFileSync } from "node:fs";
import { build } from "esbuild";
import { loadModel } from "sluice";
import { bakeModel } from "sluice/bake";

process.chdir(import.meta.dirname);
mkdirSync("out/storage", { recursive: true });
const model = await loadModel("../next-character/model.safetensors");
const { wasm, js, dts } = bakeModel(model, "model");
writeFileSync("out/model.wasm", wasm);
writeFileSync("out/model.js", js);
writeFileSync("out/model.d.ts", dts);

const options = {
  absWorkingDir: import.meta.dirname,
  bundle: true,
  format: "esm",
  target: "es2022",
  logLevel: "warning",
};
await build({
  ...options,
  entryPoints: ["lambda.js"],
  outfile: "out/lambda.mjs",
  platform: "node",
  loader: { ".wasm": "binary" },
});
await build({ ...options, entryPoints: ["edge.js"], outfile: "out/edge.js", external: ["*.wasm?module"] });
