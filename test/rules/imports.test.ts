/**
 * Who may import whom, and what the sources may not say: read from the text of src and assembly. RULES is the table that
 * docs/architecture.md shows.
 */

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { build, transformSync } from "esbuild";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Import {
  /** Path from the root for a relative specifier, else the specifier as it is. */
  readonly to: string;
  readonly typeOnly: boolean;
}

interface Source {
  readonly path: string;
  readonly imports: readonly Import[];
  /** Without comments and, in src, without types. */
  readonly code: string;
}

const within = (folder: string) => (path: string) => path.startsWith(folder);

/** One row for each rule: what it says, whom it is about, and what it says no to. */
const RULES: readonly {
  readonly rule: string;
  readonly about: (path: string) => boolean;
  readonly imports?: (one: Import) => boolean;
  readonly says?: RegExp;
  /** Strings count too: otherwise they are what is said to a person. */
  readonly strings?: boolean;
}[] = [
  {
    rule: "src/reference imports only itself",
    about: within("src/reference/"),
    imports: ({ to }) => !to.startsWith("src/reference/"),
  },
  {
    rule: "src/kernels.ts alone names WebAssembly, besides types",
    about: (path) => within("src/")(path) && path !== "src/kernels.ts",
    says: /\bWebAssembly\b/,
  },
  {
    rule: "src/formats knows no plan, arena, runtime, kernels, session",
    about: within("src/formats/"),
    imports: ({ to }) =>
      /^src\/(plan|frame|pack|arena|runtime|kernels|create|session|stream|group|members|backend-reference|backend-graph)\.ts$/.test(
        to,
      ),
  },
  {
    rule: "the core asks for no Node builtin: only src/cli imports node:*",
    about: (path) => within("src/")(path) && !within("src/cli/")(path),
    imports: ({ to, typeOnly }) => !typeOnly && to.startsWith("node:"),
  },
  {
    rule: "src/debug.ts alone imports @assemblyscript/loader",
    about: (path) => path !== "src/debug.ts",
    imports: ({ to }) => to === "@assemblyscript/loader",
  },
  {
    rule: "src/formats/zip.ts alone imports fflate",
    about: (path) => path !== "src/formats/zip.ts",
    imports: ({ to }) => to === "fflate",
  },
  {
    rule: "nothing else comes from a package",
    about: (path) => !within("src/cli/")(path),
    imports: ({ to }) => !/^(src|assembly|build)\//.test(to) && !/^(@assemblyscript\/loader$|fflate$|node:)/.test(to),
  },
  {
    rule: "src/plan.ts, src/frame.ts, src/program.ts and src/ops know no memory: no arena, runtime, kernels, session",
    about: (path) => /^src\/(plan|frame|program)\.ts$/.test(path) || within("src/ops/")(path),
    imports: ({ to }) =>
      /^src\/(arena|runtime|kernels|create|session|stream|group|members|backend-reference|backend-graph)\.ts$/.test(to),
  },
  {
    rule: "of assembly, src imports abi.ts and nothing else",
    about: within("src/"),
    imports: ({ to }) => to.startsWith("assembly/") && to !== "assembly/abi.ts",
  },
  {
    rule: "of build, only the entries import: texts of kernels and threads",
    about: (path) =>
      within("src/")(path) && !/^src\/(index|graph-entry|bake|debug|(graph-)?work(er|let)|pool)\.ts$/.test(path),
    imports: ({ to }) => to.startsWith("build/"),
  },
  {
    rule: "assembly imports only assembly",
    about: within("assembly/"),
    imports: ({ to }) => !to.startsWith("assembly/"),
  },
  {
    rule: "assembly/abi.ts imports nothing, since both sides read it",
    about: (path) => path === "assembly/abi.ts",
    imports: () => true,
  },
  {
    rule: "no code is made from text, and nothing waits",
    about: () => true,
    says: /\beval\b|\bnew\s+Function\b|\bFunction\s*\(|\bAtomics\s*\.\s*wait\b/,
  },
  {
    rule: "no model is known by its hash or by who made it",
    // The first reads the fields of a file into a record; the second makes warnings of it, and nothing else (the next rules).
    about: (path) => path !== "src/formats/onnx/proto.ts" && path !== "src/formats/onnx/schema.ts",
    says: /[0-9a-f]{32}|\b(sha-?(1|256|512)|md5)\b|\bproducer/i,
    strings: true,
  },
  {
    rule: "who made an ONNX file is read for a warning alone: reset.ts asks, read.ts hands it on",
    about: (path) => !["proto", "reset", "read"].some((name) => path === `src/formats/onnx/${name}.ts`),
    says: /\bexporter\b/,
  },
  {
    rule: "what makes warnings makes nothing else",
    about: (path) => path === "src/formats/onnx/reset.ts",
    says: /\bexport (?!function resetWarnings\b)|\bthrow\b|\.attributes\b/,
  },
];

const NAMED_RULES = RULES.map((rule) => [rule.rule, rule] as const);

/** What the engine is told: comments go, and in src types too, so that what is left of a name is used at run time. */
function codeOf(path: string, text: string): string {
  if (path.startsWith("src/"))
    return transformSync(text, { loader: "ts", minifyWhitespace: true, legalComments: "none" }).code;
  return text.replace(/"[^"\n]*"|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (found) => (found.startsWith("/") ? " " : found));
}

/** Static imports and re-exports, `import()` of a literal, and type imports (`import("./x.ts").Y`). */
function importsOf(path: string, text: string): Import[] {
  const target = (specifier: string) => {
    if (!specifier.startsWith(".")) return specifier;
    const file = normalize(join(dirname(path), specifier));
    return path.startsWith("assembly/") ? `${file}.ts` : file;
  };
  const found: Import[] = [];
  for (const [, type, names, specifier] of text.matchAll(
    /^\s*(?:(?:import|export)\s+(type\s+)?([\w$*{},\s]+?)\s*\bfrom|import)\s*"([^"]+)"/gm,
  )) {
    const list = /^\{([^}]*)\}$/
      .exec(names ?? "")?.[1]
      .split(",")
      .filter((name) => name.trim() !== "");
    const typeOnly = type !== undefined || (list?.every((name) => /^\s*type\s/.test(name)) ?? false);
    found.push({ to: target(specifier), typeOnly });
  }
  for (const [, before, specifier] of text.matchAll(/(typeof\s+|as\s+|:\s*)?\bimport\(\s*"([^"]+)"\s*\)/g)) {
    found.push({ to: target(specifier), typeOnly: before !== undefined });
  }
  return found;
}

function read(folder: string): Source[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => {
      const path = join(folder, name);
      const text = readFileSync(join(root, path), "utf8");
      return { path, imports: importsOf(path, text), code: codeOf(path, text) };
    });
}

const sources = [...read("src"), ...read("assembly")];

/** What breaks a rule: `file → import`, or `file: words`. */
function breaches({ about, imports, says, strings }: (typeof RULES)[number], files: readonly Source[]): string[] {
  return files
    .filter(({ path }) => about(path))
    .flatMap((file) => {
      const forbidden = imports === undefined ? [] : file.imports.filter(imports);
      const code = strings ? file.code : file.code.replace(/"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\$])*`/g, '""');
      const words = says === undefined ? [] : (says.exec(code)?.slice(0, 1) ?? []);
      return [...forbidden.map(({ to }) => `${file.path} → ${to}`), ...words.map((word) => `${file.path}: ${word}`)];
    });
}

describe("the sources", () => {
  it("are all read, with their imports", () => {
    expect(sources.length).toBeGreaterThan(30);
    const all = sources.flatMap(({ path, imports }) => imports.map((one) => ({ path, ...one })));
    expect(all.length).toBeGreaterThan(100);
    const paths = sources.map(({ path }) => path);
    const missing = all.filter(({ to }) => /^(src|assembly)\//.test(to) && !paths.includes(to));
    expect(missing).toEqual([]);
  });

  it("import at run time what a bundler finds", async () => {
    const { metafile } = await build({
      absWorkingDir: root,
      entryPoints: sources.map(({ path }) => path).filter((path) => path.startsWith("src/")),
      bundle: true,
      write: false,
      outdir: "out",
      format: "esm",
      platform: "node",
      metafile: true,
      // Whatever tsconfig.json says, an import of types only is none.
      tsconfigRaw: "{}",
    });
    for (const { path, imports } of sources) {
      if (!path.startsWith("src/")) continue;
      const found = metafile.inputs[path].imports.map((one) => (one.external ? one.path : (one.original ?? one.path)));
      const resolved = found.map((to) => (to.startsWith(".") ? normalize(join(dirname(path), to)) : to));
      const read = imports.filter(({ typeOnly }) => !typeOnly).map(({ to }) => to);
      expect([...new Set(read)].sort(), path).toEqual([...new Set(resolved)].sort());
    }
  });

  it.each(NAMED_RULES)("%s", (_, rule) => {
    expect(sources.some(({ path }) => rule.about(path))).toBe(true);
    expect(breaches(rule, sources)).toEqual([]);
  });

  it("import nothing in a circle, types aside", () => {
    const circles: string[] = [];
    const done = new Set<string>();
    const visit = (path: string, trail: readonly string[]) => {
      if (trail.includes(path)) circles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
      if (trail.includes(path) || done.has(path)) return;
      for (const { to, typeOnly } of sources.find((one) => one.path === path)?.imports ?? []) {
        if (!typeOnly) visit(to, [...trail, path]);
      }
      done.add(path);
    };
    for (const { path } of sources) visit(path, []);
    expect(circles).toEqual([]);
  });
});

/** A rule that nothing breaks is only as good as what would break it. */
const BREAKS: Readonly<Record<string, readonly [path: string, text: string]>> = {
  "src/reference imports only itself": ["src/reference/gru.ts", 'import { toF32 } from "../tensor.ts";'],
  "src/kernels.ts alone names WebAssembly, besides types": [
    "src/arena.ts",
    "export const memory = new WebAssembly.Memory({ initial: 1 });",
  ],
  "src/formats knows no plan, arena, runtime, kernels, session": [
    "src/formats/native.ts",
    'import type { Plan } from "../plan.ts";',
  ],
  "the core asks for no Node builtin: only src/cli imports node:*": [
    "src/load.ts",
    'import { readFileSync } from "node:fs";',
  ],
  "src/debug.ts alone imports @assemblyscript/loader": [
    "src/index.ts",
    'export { instantiate } from "@assemblyscript/loader";',
  ],
  "src/formats/zip.ts alone imports fflate": ["src/formats/npy.ts", 'import { inflateSync } from "fflate";'],
  "nothing else comes from a package": ["src/index.ts", 'import "left-pad";'],
  "src/plan.ts, src/frame.ts, src/program.ts and src/ops know no memory: no arena, runtime, kernels, session": [
    "src/ops/linear.ts",
    'import {\n  type Kernels,\n  grow,\n} from "../kernels.ts";',
  ],
  "of assembly, src imports abi.ts and nothing else": ["src/pack.ts", 'import { gemm } from "../assembly/gemm.ts";'],
  "of build, only the entries import: texts of kernels and threads": [
    "src/session.ts",
    'const { simd } = await import("../build/kernels.ts");\nexport { simd };',
  ],
  "assembly imports only assembly": ["assembly/gemm.ts", 'import { COEFFICIENTS } from "../src/coefficients";'],
  "assembly/abi.ts imports nothing, since both sides read it": ["assembly/abi.ts", 'import { TILE } from "./gemm";'],
  "no code is made from text, and nothing waits": ["src/graph.ts", 'export const f = new Function("return 1");'],
  "who made an ONNX file is read for a warning alone: reset.ts asks, read.ts hands it on": [
    "src/formats/onnx/recurrent.ts",
    'export const after = (file) => file.exporter.name === "pytorch";',
  ],
  "what makes warnings makes nothing else": ["src/formats/onnx/reset.ts", "export const resetAfter = true;"],
  "no model is known by its hash or by who made it": [
    "src/graph.ts",
    'export const known = ["9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"];',
  ],
};

describe("each rule would see a breach", () => {
  it.each(NAMED_RULES)("%s", (_, rule) => {
    const [path, text] = BREAKS[rule.rule];
    const source = { path, imports: importsOf(path, text), code: codeOf(path, text) };
    expect(breaches(rule, [source])).toHaveLength(1);
  });

  it("and a type, a string or a comment is none", () => {
    const path = "src/arena.ts";
    const text =
      '// WebAssembly.compile\nexport let memory: WebAssembly.Memory;\nconsole.log("WebAssembly is missing");\n';
    expect(breaches(RULES[1], [{ path, imports: [], code: codeOf(path, text) }])).toEqual([]);
  });
});
