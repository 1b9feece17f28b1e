// Kernels (asc) → build/*.wasm → build/kernels.ts (text) → dist/*.js (esbuild). Types are tsc's, after this.
// Two builds of the same sources give identical bytes.

import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { build, transform } from "esbuild";

const root = new URL("..", import.meta.url);
process.chdir(fileURLToPath(root));
mkdirSync("build", { recursive: true });

for (const target of ["simd", "relaxed", "graph-simd", "graph-relaxed", "debug"]) {
  const { error, stderr } = await asc.main(["--config", "asconfig.json", "--target", target]);
  const messages = stderr.toString();
  if (error || messages !== "") throw new Error(`asc --target ${target}\n${messages}`, { cause: error });
}

const { code } = await transform(readFileSync("src/binary-text.ts", "utf8"), { loader: "ts" });
const { textOfBytes } = await import(`data:text/javascript,${encodeURIComponent(code)}`);

/** `kernels.ts` holds the release builds as text (src/binary-text.ts), `kernels-graph.ts` those of the graph set, `kernels-debug.ts` the debug build. */
function embed(file, names) {
  const lines = names.map(
    (name) => `export const ${name}: string =\n  "${textOfBytes(readFileSync(`build/${name}.wasm`))}";\n`,
  );
  writeFileSync(`build/${file}`, `// Made by scripts/build.mjs.\n${lines.join("")}`);
}
embed("kernels.ts", ["simd", "relaxed"]);
// In halves, both first ones before both second ones: gzip looks back 32 KiB, and so finds in one build what the other has.
const [simd, relaxed] = ["simd", "relaxed"].map((name) => textOfBytes(readFileSync(`build/graph-${name}.wasm`)));
const half = simd.length >> 1;
writeFileSync(
  "build/kernels-graph.ts",
  `// Made by scripts/build.mjs.
const simdStart = "${simd.slice(0, half)}";
const relaxedStart = "${relaxed.slice(0, half)}";
const simdEnd = "${simd.slice(half)}";
const relaxedEnd = "${relaxed.slice(half)}";
export const simd: readonly string[] = [simdStart, simdEnd];
export const relaxed: readonly string[] = [relaxedStart, relaxedEnd];
`,
);
embed("kernels-debug.ts", ["debug"]);

// What a baked model's .js runs, as text: its exports become names of that module.
const { outputFiles } = await build({
  entryPoints: ["src/bake/baked.ts"],
  bundle: true,
  write: false,
  format: "esm",
  target: "es2022",
  legalComments: "none",
});
const program = outputFiles[0].text.replace(/^export \{[^}]*\};\n/m, "");
writeFileSync(
  "build/baked.ts",
  `// Made by scripts/build.mjs.\nexport const baked: string = ${JSON.stringify(program)};\n`,
);

// What `createSession` seldom needs, and then loads, is a file beside.
const seldom = {
  reference: "src/backend-reference.ts",
  "graph-reference": "src/backend-graph.ts",
  quantize: "src/quantize.ts",
  load: "src/load.ts",
};
const lazily = {
  name: "what is imported lazily is a file beside",
  setup({ onResolve }) {
    onResolve({ filter: /\.ts$/ }, ({ kind, path }) => {
      if (kind !== "dynamic-import") return;
      const [name] = Object.entries(seldom).find(([, source]) => source === path.replace("./", "src/"));
      return { path: `./${name}.js`, external: true };
    });
  },
};

rmSync("dist", { recursive: true, force: true });
// Without comments and white space, since V8 reads every byte at the start of a process; in lines, since Node prints the one that
// an error comes from. Names stay, for stacks and messages.
const options = {
  bundle: true,
  lineLimit: 160,
  minifySyntax: true,
  minifyWhitespace: true,
  format: "esm",
  target: "es2022",
  outdir: "dist",
  legalComments: "inline",
  logLevel: "warning",
};
await build({
  ...options,
  entryPoints: {
    index: "src/index.ts",
    ort: "src/ort.ts",
    bake: "src/bake.ts",
    audio: "src/audio.ts",
    ...seldom,
  },
  plugins: [lazily],
});

// A page may take both, or sluice/onnx and an entry beside graph.js: what both have stands once, in graph-kernels.js.
await build({
  ...options,
  entryPoints: { graph: "src/graph-entry.ts", onnx: "src/onnx.ts" },
  splitting: true,
  chunkNames: "graph-kernels",
  plugins: [lazily],
});

// For reading.
await build({
  ...options,
  entryPoints: { debug: "src/debug.ts" },
  minifySyntax: false,
  minifyWhitespace: false,
  plugins: [lazily],
});

// A worker need not be a module: its names must not become globals. A processor asks for its own URL, as modules can.
const formatOf = (name) => (name.endsWith("thread") ? "iife" : "esm");

// What runs in other threads is one file each, also carried as text by the entry that starts it.
for (const [name, constant] of [
  ["worker-thread", "thread"],
  ["worklet-processor", "worklet"],
  ["graph-worker-thread", "graphThread"],
  ["graph-worklet-processor", "graphWorklet"],
]) {
  await build({
    ...options,
    entryPoints: { [name]: `src/${name}.ts` },
    minify: true,
    format: formatOf(name),
    plugins: [lazily],
  });
  const text = JSON.stringify(readFileSync(`dist/${name}.js`, "utf8"));
  writeFileSync(`build/${name}.ts`, `// Made by scripts/build.mjs.\nexport const ${constant}: string =\n  ${text};\n`);
}
const besideFile = (file, filter) => ({
  name: `${file} is a file beside`,
  setup({ onResolve }) {
    onResolve({ filter }, () => ({ path: `./${file}`, external: true }));
  },
});
const beside = besideFile("index.js", /\/(index|errors)\.ts$/);
const names = ["worker", "worklet", "pool", "all", "flax", "keras", "npz", "pytorch", "rtneural", "tfjs"];
await build({
  ...options,
  entryPoints: Object.fromEntries(names.map((name) => [name, `src/${name}.ts`])),
  plugins: [beside],
});
await build({
  ...options,
  entryPoints: { "graph-worker": "src/graph-worker.ts", "graph-worklet": "src/graph-worklet.ts" },
  plugins: [besideFile("graph.js", /\/(index|graph-entry|errors)\.ts$/)],
});

// Hosts that forbid compiling at run time import the files instead of the text.
const kernelFiles = (suffix) => ({
  name: "kernel files",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /build\/kernels\.ts$/ }, () => ({ path: "kernels", namespace: "files" }));
    onResolve({ filter: /\.wasm(\?module)?$/ }, ({ path }) => ({ path, external: true }));
    onLoad({ filter: /.*/, namespace: "files" }, () => ({
      contents:
        ["simd", "relaxed"].map((name) => `import ${name} from "./${name}.wasm${suffix}";`).join("\n") +
        "\nexport { simd, relaxed };",
    }));
  },
});
for (const [name, suffix] of [
  ["workerd", ""],
  ["edge-light", "?module"],
]) {
  // Such a host reads the text anew for every instance: a millisecond or two for comments and white space.
  const small = { minifyWhitespace: true, minifySyntax: true };
  await build({ ...options, ...small, entryPoints: { [name]: "src/index.ts" }, plugins: [kernelFiles(suffix)] });
}
for (const name of ["simd", "relaxed", "graph-simd", "graph-relaxed"])
  copyFileSync(`build/${name}.wasm`, `dist/${name}.wasm`);

await build({
  ...options,
  entryPoints: { cli: "src/cli/main.ts" },
  platform: "node",
  banner: { js: "#!/usr/bin/env node" },
});
chmodSync("dist/cli.js", 0o755);
