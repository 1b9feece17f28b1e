/** The tables of the documents against the code: what is in one must be in the other, with the same values. */

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import * as constants from "../../assembly/abi.ts";
import { CONFUSIONS } from "../../src/cli/confusions.ts";
import { FLAX_LIMITS } from "../../src/formats/flax/msgpack.ts";
import { KERAS_LIMITS } from "../../src/formats/keras.ts";
import { ONNX_LIMITS } from "../../src/formats/onnx/limits.ts";
import { OPERATORS } from "../../src/formats/onnx/operators.ts";
import { PYTORCH_LIMITS } from "../../src/formats/pytorch.ts";
import { RTNEURAL_LIMITS } from "../../src/formats/rtneural.ts";
import { LIMITS } from "../../src/formats/safetensors.ts";
import { TFJS_LIMITS } from "../../src/formats/tfjs.ts";
import { CORE } from "../../src/ops/core.ts";
import { FUNCTIONS } from "../../src/ops/functions.ts";
import { ARRAYS } from "../../src/tensor.ts";

const abi: Readonly<Record<string, number>> = { ...constants };
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const DOCUMENTS = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "SECURITY.md",
  "THIRD-PARTY.md",
  "bench/README.md",
  "bench/thirdparty/README.md",
  "examples/next-character/README.md",
  "examples/serverless/README.md",
  ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`),
];

function read(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Sections by their headings, each as far as the next heading of any level. */
function sectionsOf(text: string): { readonly heading: string; readonly body: string }[] {
  return text.split(/^#+ /m).map((section) => {
    const end = section.indexOf("\n");
    return { heading: section.slice(0, end), body: section.slice(end) };
  });
}

/** Cells of the rows of all tables, without their heads. */
function rowsOf(text: string): string[][] {
  return [...text.matchAll(/^\|(.*)\|$/gm)]
    .map(([, row]) => row.split(/(?<!\\)\|/).map((cell) => cell.trim()))
    .filter((cells, i, all) => !cells[0].startsWith("---") && !all[i + 1]?.[0].startsWith("---"));
}

/** `name` in backticks → its other cells. */
function tableOf(text: string): Map<string, string[]> {
  return new Map(
    rowsOf(text)
      .filter(([name]) => /^`[^`]+`$/.test(name))
      .map(([name, ...cells]) => [name.slice(1, -1), cells]),
  );
}

/** A value in backticks: JSON, or a fraction. */
function valueIn(cell: string): unknown {
  const [, text] = /^`(.*)`$/.exec(cell) ?? [];
  if (text === undefined) return undefined;
  const [top, bottom] = text.split("/").map(Number);
  return bottom ? top / bottom : JSON.parse(text);
}

describe("docs/onnx.md", () => {
  const sections = sectionsOf(read("docs/onnx.md"));
  const section = (name: string) => sections.find(({ heading }) => heading === name)?.body ?? "";

  it("has every operator, once", () => {
    const named = rowsOf(section("Operators")).flatMap(([names]) => names.split(" "));
    expect(named.sort()).toEqual([...Object.keys(OPERATORS), "If"].sort());
  });

  it("has every limit, with its default", () => {
    const said = [...tableOf(section("Limits"))].map(([name, [value]]) => [name, valueIn(value)]);
    expect(Object.fromEntries(said)).toEqual(ONNX_LIMITS);
  });
});

describe("docs/layers.md", () => {
  const sections = sectionsOf(read("docs/layers.md"));

  it.each(Object.keys(CORE))("has every attribute of %s, with its default", (name) => {
    const own = sections.filter(({ heading }) => heading.includes(`\`${name}\``));
    expect(own).not.toEqual([]);
    const table = tableOf(
      own.flatMap(({ body }) => /^\| attribute (.*\n)+?\n/m.exec(`${body}\n`)?.[0] ?? "").join("\n"),
    );
    expect([...table.keys()].sort()).toEqual(Object.keys(CORE[name].attrs).sort());
    for (const [key, rule] of Object.entries(CORE[name].attrs)) {
      const [said] = table.get(key) ?? [];
      if (rule.default !== undefined) expect(valueIn(said), key).toBe(rule.default);
      else expect(["from the tensors", "none", "required"], key).toContain(said);
      if (rule.optional) expect(said, key).toBe("none");
    }
  });

  it("has every function, with its parameters and their defaults", () => {
    const table = tableOf(sections.find(({ heading }) => heading === "Functions")?.body ?? "");
    expect([...table.keys()]).toEqual(Object.keys(FUNCTIONS));
    for (const [name, [, ...defaults]] of Object.entries(FUNCTIONS)) {
      const [, ...said] = table.get(name) ?? [];
      for (const i of [0, 1]) {
        if (i >= defaults.length) expect(said[i], name).toBe("");
        else if (Number.isNaN(defaults[i])) expect(said[i], name).toBe("required");
        else expect(valueIn(said[i]), name).toBe(defaults[i]);
      }
    }
  });
});

describe("docs/formats.md", () => {
  const text = read("docs/formats.md");

  it("has every limit, with its value", () => {
    const table = tableOf(text);
    for (const [name, value] of Object.entries(LIMITS)) expect(table.get(name)?.[0], name).toBe(`${value}`);
  });

  it("has every idea that sluice check tries", () => {
    const section = sectionsOf(text).find(({ heading }) => heading === "Checking a file against its training");
    const ideas = [...tableOf(section?.body ?? "").keys()].filter((name) => !["lengths", "batch_first"].includes(name));
    expect(ideas.sort()).toEqual([...new Set([...CONFUSIONS.map(({ idea }) => idea), "time and batch", "end"])].sort());
  });

  it("has every dtype", () => {
    const strict = sectionsOf(text).find(({ heading }) => heading === "Safetensors, strictly");
    const [list = ""] = tableOf(strict?.body ?? "").get("dtype") ?? [];
    expect(list.split(/, | or /)).toEqual(Object.keys(ARRAYS));
  });

  it("has every error code, with its meaning", () => {
    const errors = [...read("src/errors.ts").matchAll(/^ {2}\| "(ERR_\w+)";? \/\/ (.*)$/gm)];
    const said = rowsOf(text).filter(([code]) => code.startsWith("`ERR_"));
    expect(said).toEqual(errors.map(([, code, meaning]) => [`\`${code}\``, meaning]));
  });

  it("has no error code that nothing throws", () => {
    const sources = readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && name !== "errors.ts")
      .map((name) => read(join("src", name)))
      .join("\n");
    const codes = [...read("src/errors.ts").matchAll(/"(ERR_\w+)"/g)].map(([, code]) => code);
    expect(codes.filter((code) => !sources.includes(`"${code}"`))).toEqual([]);
  });
});

describe.each([
  ["docs/pytorch.md", PYTORCH_LIMITS],
  ["docs/numpy.md", FLAX_LIMITS],
  ["docs/tfjs.md", TFJS_LIMITS],
  ["docs/keras.md", KERAS_LIMITS],
  ["docs/rtneural.md", RTNEURAL_LIMITS],
])("%s", (path, limits) => {
  it("has every limit, with its value", () => {
    const table = tableOf(read(path));
    for (const [name, value] of Object.entries(limits)) expect(table.get(name)?.[0], name).toBe(`${value}`);
  });
});

describe("docs/memory.md", () => {
  const text = read("docs/memory.md");

  it.each(["HEADER", "SOLO", "CONSTANTS", "ARENA"])("shows %s where it is", (name) => {
    expect(text).toMatch(new RegExp(`^ +${abi[name]} ├─+┤ ${name}$`, "m"));
  });

  it("has every status", () => {
    const said = rowsOf(text).map(([number]) => number);
    const statuses = Object.entries(abi).filter(([name]) => name.startsWith("STATUS_"));
    for (const [name, number] of statuses) expect(said, name).toContain(`${number}`);
  });
});

describe("docs/kernels.md", () => {
  const text = read("docs/kernels.md");

  it("has every opcode, with its number and operands", () => {
    const table = tableOf(text);
    const opcodes = Object.entries(abi).filter(([name]) => name.startsWith("OP_"));
    expect([...table.keys()].filter((name) => name.startsWith("OP_"))).toEqual(opcodes.map(([name]) => name));
    for (const [name, number] of opcodes) expect(table.get(name)?.[0], name).toBe(`${number}`);
    for (const [, comment, name] of read("assembly/abi.ts").matchAll(/^\/\*\* (.*) \*\/\nexport const (OP_\w+)/gm)) {
      const [operands] = comment.replace(/ \(0: none\)/g, "").split(/[.:] |\.$/);
      expect(table.get(name)?.[1], name).toBe(operands);
    }
  });

  it("has every word of a cell's head", () => {
    const words = new Map<string, string>();
    for (const [numbers, names] of rowsOf(text)) {
      names?.split(", ").forEach((name, i) => {
        if (/^`(C_|CELL_)/.test(name)) words.set(name.slice(1, -1), numbers.split(", ")[i]);
      });
    }
    const head = Object.entries(abi).filter(([name]) => name.startsWith("C_") || name === "CELL_WORDS");
    expect(Object.fromEntries(words)).toEqual(Object.fromEntries(head.map(([name, word]) => [name, `${word}`])));
  });
});

describe("THIRD-PARTY.md", () => {
  it("has the licence of the loader in full, and the version that is used", () => {
    const unindented = read("THIRD-PARTY.md").replace(/^ {4}/gm, "");
    expect(unindented).toContain(read("node_modules/assemblyscript/LICENSE").trim());
    expect(unindented).toContain(read("node_modules/assemblyscript/NOTICE").trim());
    const { version } = JSON.parse(read("node_modules/@assemblyscript/loader/package.json"));
    expect(unindented).toContain(`\`@assemblyscript/loader\` ${version}`);
  });
});

describe.each(DOCUMENTS)("%s", (document) => {
  const text = read(document);

  it("links to what is there", () => {
    for (const [, link] of text.matchAll(/\]\(([^)]+)\)/g)) {
      if (link.startsWith("http")) continue;
      const [path, anchor] = link.split("#");
      const target = path === "" ? join(ROOT, document) : resolve(ROOT, dirname(document), path);
      expect(existsSync(target), link).toBe(true);
      if (anchor === undefined) continue;
      const anchors = sectionsOf(readFileSync(target, "utf8")).map(({ heading }) => anchorOf(heading));
      expect(anchors, link).toContain(anchor);
    }
  });

  it("names files that are there", () => {
    const paths = [...text.matchAll(/`((?:src|assembly|test|bench|examples|scripts|docs)\/[\w./-]*)`/g)];
    for (const [, path] of paths) expect(existsSync(join(ROOT, path)), path).toBe(true);
  });

  it("names scripts that are there", () => {
    const { scripts } = JSON.parse(read("package.json"));
    const names = [...text.matchAll(/\bnpm (?:run )?((?<=run )[\w:]+|start|test)/g)].map(([, name]) => name);
    for (const name of names) expect(Object.keys(scripts)).toContain(name);
  });
});

/** The anchor that GitHub gives a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}
