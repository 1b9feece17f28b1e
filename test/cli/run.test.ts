/** `sluice run` from end to end: what it prints for rows, ids and text, and how it ends. */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeNpy, parseNpy } from "../../src/formats/npy.ts";
import { encodeSafetensors } from "../../src/formats/safetensors.ts";
import { createSessionSync, modelFromLayers, type Stream } from "../../src/index.ts";
import { tensors } from "../tensors.ts";
import { CLI, FLAGS, makeFolder, modelOf, RECIPES, sluice, writeModels } from "./files.ts";

const folder = makeFolder();
beforeAll(() => {
  writeModels(folder);
  write("rows.csv", `left, right\r\n${ROWS.map((row) => row.join(",")).join("\r\n")}\r\n\r\n`);
});
afterAll(() => rmSync(folder, { recursive: true }));

const ROWS = [
  [0.5, -1],
  [2, 1e-3],
  [-0.25, 3],
  [0, 0],
];

function write(name: string, contents: string | Uint8Array): void {
  writeFileSync(join(folder, name), contents);
}

function run(args: string, input?: string) {
  return sluice(folder, ["run", ...args.split(" ")], input);
}

/** CSV text → rows of f32. */
function rowsOf(csv: string): number[][] {
  return csv.split("\n").slice(0, -1).map((line) => line.split(",").map((cell) => Math.fround(Number(cell)))); // biome-ignore format: one thing
}

function steps(stream: Stream, rows: readonly (readonly number[])[]): number[][] {
  return rows.map((row) => [...stream.step(Float32Array.from(row))]);
}

describe("rows of numbers", () => {
  const expected = steps(createSessionSync(modelOf("classifier")).stream(), ROWS);

  it("come from a CSV file, whose header is skipped, and give one row of outputs each", () => {
    const { code, out, err } = run("classifier.safetensors rows.csv");
    expect([code, err]).toEqual([0, ""]);
    expect(rowsOf(out)).toEqual(expected);
  });

  it("come from standard input with - and without", () => {
    const text = ROWS.map((row) => row.join(",")).join("\n"); // without a line feed at the end
    expect(rowsOf(run("classifier.safetensors", text).out)).toEqual(expected);
    expect(rowsOf(run("classifier.safetensors -", text).out)).toEqual(expected);
  });

  it("come from a .npy file of half precision", () => {
    write("half.npy", encodeNpy({ dtype: "F16", shape: [2, 2], data: Uint16Array.of(0x3c00, 0xc000, 0x3800, 0) }));
    write("full.npy", encodeNpy({ dtype: "F32", shape: [2, 2], data: Float32Array.of(1, -2, 0.5, 0) }));
    expect(run("classifier.safetensors half.npy")).toEqual(run("classifier.safetensors full.npy"));
  });

  it("come from a .npy file and go into one", () => {
    const data = Float64Array.from(ROWS.flat());
    write("rows.npy", encodeNpy({ dtype: "F64", shape: [4, 2], data }));
    expect(run("classifier.safetensors rows.npy --output outputs.npy")).toEqual({ code: 0, out: "", err: "" });
    const read = parseNpy(new Uint8Array(readFileSync(join(folder, "outputs.npy"))));
    expect(read).toEqual({ dtype: "F32", shape: [4, 3], data: Float32Array.from(expected.flat()) });
  });

  it("are JSON lines with --json, by label where the model has labels", () => {
    const lines = run("classifier.safetensors rows.csv --json").out.trim().split("\n").map((line) => JSON.parse(line)); // biome-ignore format: one thing
    expect(lines.map(({ row }) => row)).toEqual([0, 1, 2, 3]);
    expect(Object.keys(lines[0].output)).toEqual(["yes", "no", "ma\u202eybe"]);
    expect(Object.values<number>(lines[3].output).map(Math.fround)).toEqual(expected[3]);
  });

  it("go on from a state, so that two halves equal the whole", () => {
    write("first.csv", "0.5,-1\n2,1e-3\n");
    write("second.csv", "-0.25,3\n0,0\n");
    const halves = ["first.csv", "second.csv"].map((name) => run(`classifier.safetensors ${name} --state state`).out);
    expect(rowsOf(halves.join(""))).toEqual(expected);
    expect(run("several.safetensors --state state")).toMatchObject({ code: 1, out: "" });
  });

  it("run in the variant that is asked for", () => {
    const { out, err } = run("classifier.safetensors rows.csv --variant reference --verbose");
    rowsOf(out).forEach((row, t) => {
      row.forEach((value, i) => {
        expect(value).toBeCloseTo(expected[t][i], 5);
      });
    });
    expect(err).toMatch(/^sluice: 4 rows in .* \(reference\)\n$/);
  });

  it("are answered after the last one where the model runs backwards", () => {
    const { output } = createSessionSync(modelOf("bidirectional")).run(Float32Array.from(ROWS.flat()));
    expect(rowsOf(run("bidirectional.safetensors rows.csv").out).flat()).toEqual([...output]);
    expect(run("bidirectional.safetensors", "")).toEqual({ code: 0, out: "", err: "" });
  });

  it("hold all inputs side by side, and all outputs", () => {
    const stream = createSessionSync(modelOf("several")).stream();
    const y = stream.step({ "left side": 1, right: Float32Array.of(2, 3) }) as unknown as Record<string, Float32Array>;
    expect(rowsOf(run("several.safetensors", "1,2,3\n").out)).toEqual([[...y.rnn, ...y.head]]);
    const { output } = JSON.parse(run("several.safetensors --json", "1,2,3\n").out);
    expect(output.head.map(Math.fround)).toEqual([...y.head]);
  });

  it("run through weights alone with --layers", () => {
    write("layers.json", JSON.stringify(RECIPES.classifier.layers));
    expect(rowsOf(run("classifier.weights.safetensors rows.csv --layers @layers.json").out)).toEqual(expected);
    const { code, err } = run("classifier.weights.safetensors rows.csv");
    expect(code).toBe(1);
    expect(err).toContain(`--layers '[{"type":"gru","name":"rnn"},{"type":"linear","name":"head"}]'`);
  });
});

describe("ids and text", () => {
  const ids = [1, 3, 4, 0, 2];
  const stream = createSessionSync(modelOf("characters")).stream();
  const expected = ids.map((id) => [...stream.step(id)]);

  it("are one step a row or a character", () => {
    write("ids.csv", ids.join("\n"));
    write("text.txt", "aé😀\nb");
    write("ids.npy", encodeNpy({ dtype: "I64", shape: [5], data: BigInt64Array.from(ids, BigInt) }));
    for (const name of ["ids.csv", "text.txt", "ids.npy"]) {
      expect(rowsOf(run(`characters.safetensors ${name}`).out)).toEqual(expected);
    }
    expect(rowsOf(run("characters.safetensors", "aé😀\nb").out)).toEqual(expected);
  });

  it("are continued the same way for the same seed, and otherwise for another", () => {
    const text = (seed: number) => run(`characters.safetensors --text ab --length 60 --seed ${seed}`).out;
    expect(text(7)).toBe(text(7));
    expect(text(7)).not.toBe(text(8));
    expect([...text(7)]).toHaveLength(2 + 60 + 1);
    expect(text(7).startsWith("ab")).toBe(true);
  });

  it("are continued with the likeliest character at temperature 0, and the state has seen all of them", () => {
    const session = createSessionSync(modelOf("characters"));
    const own = session.stream();
    const vocabulary = modelOf("characters").info.vocabulary as readonly string[];
    let text = "ab";
    let y: Float32Array = own.run(Int32Array.of(1, 2)).slice(-5);
    for (let i = 0; i < 20; i++) {
      const id = y.indexOf(Math.max(...y));
      text += vocabulary[id];
      y = own.step(id);
    }
    const { out } = run("characters.safetensors --text ab --length 20 --temperature 0 --state text.state");
    expect(out).toBe(`${text}\n`);
    const resumed = session.stream();
    resumed.load(new Uint8Array(readFileSync(join(folder, "text.state"))));
    expect(resumed.state).toEqual(own.state);
  });

  it("are refused where they are outside the vocabulary or the model has none", () => {
    expect(run("characters.safetensors", "a\nbz")).toMatchObject({
      code: 1,
      err: 'sluice: standard input:2: expected characters of the vocabulary; got "z"\n',
    });
    write("big.csv", "1\n5\n");
    expect(run("characters.safetensors big.csv").err).toBe(
      'sluice: big.csv:2: column 1: expected an id in 0…4; got "5"\n',
    );
    expect(run("characters.safetensors --text Z")).toMatchObject({ code: 1, out: "" });
    expect(run("classifier.safetensors --text a")).toMatchObject({ code: 1, out: "" });
  });
});

describe("a file of weights", () => {
  it("runs with --layers, and leaves out what --ignore names", () => {
    const head = tensors({ "head.weight": [3, 2], "head.bias": [3], optimizer: [4] });
    write("weights.safetensors", encodeSafetensors(head.values()));
    const layers = [{ type: "linear", name: "head" }];
    const args = ["run", "weights.safetensors", "rows.csv", "--layers", JSON.stringify(layers)];
    const refused = sluice(folder, args);
    expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("optimizer: no layer uses it")]);
    const session = createSessionSync(modelFromLayers(layers, head, { ignore: ["optimizer"] }));
    const { code, out } = sluice(folder, [...args, "--ignore", "optimizer"]);
    expect(code).toBe(0);
    expect(rowsOf(out)).toEqual(steps(session.stream(), ROWS));
  });
});

describe("a wrong input", () => {
  it("ends with code 1 and its place, after the answers to the rows before", () => {
    const { code, out, err } = run("classifier.safetensors", "1,2\n3,1e39\n");
    expect([code, rowsOf(out).length]).toEqual([1, 1]);
    expect(err).toBe('sluice: standard input:2: column 2: expected a number in the range of f32; got "1e39"\n');
  });

  it("is one past the range of f64 too: only the word inf is infinity", () => {
    expect(run("classifier.safetensors", "1,-1e400\n")).toMatchObject({
      code: 1,
      err: 'sluice: standard input:1: column 2: expected a number in the range of f32; got "-1e400"\n',
    });
    expect(run("classifier.safetensors", "1,inf\n").code).toBe(0);
  });

  it("ends with code 1 where a .npy file has another shape or an id is out of range", () => {
    write("wide.npy", encodeNpy({ dtype: "F32", shape: [2, 3], data: new Float32Array(6) }));
    expect(run("classifier.safetensors wide.npy").err).toBe("sluice: wide.npy: expected shape (rows, 2); got (2, 3)\n");
    write("id.npy", encodeNpy({ dtype: "I32", shape: [2, 1], data: Int32Array.of(1, -1) }));
    expect(run("characters.safetensors id.npy").err).toBe(
      "sluice: id.npy: row 1, column 0: expected an id in 0…4; got -1\n",
    );
  });

  it("shows a stack only with --stack", () => {
    expect(run("classifier.safetensors --stack", "x\n").err).toMatch(/^sluice: .*\n.*Error: .*\n +at /);
  });
});

describe("a wrong call", () => {
  it.each([
    "",
    "frobnicate",
    "run",
    "inspect a b",
    "run a --frobnicate",
    "run a --variant fast",
    "run a --text x --length=1.5",
    "run a --layers [",
  ])("ends with code 2 and one line that says where help is: sluice %s", (args) => {
    const { code, out, err } = sluice(folder, args === "" ? [] : args.split(" "));
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(/^sluice: [^\n]+ \(sluice [^\n]*--help tells more\)\n$/);
  });

  it("is not asking for help or the version", () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect(sluice(folder, ["--version"])).toEqual({ code: 0, out: `${version}\n`, err: "" });
    for (const args of [["--help"], ["run", "--help"], ["inspect", "-h"]]) {
      expect(sluice(folder, args)).toMatchObject({ code: 0, err: "", out: expect.stringMatching(/^Usage: sluice /) });
    }
  });
});

describe("standard input and output", () => {
  function start(args: string) {
    const child = spawn(process.execPath, [...FLAGS, CLI, "run", ...args.split(" ")], { cwd: folder });
    child.stdin.on("error", () => {}); // it may be gone before its input is
    return child;
  }

  it("answers every row as it arrives", async () => {
    const child = start("classifier.safetensors");
    for (const row of ["1,2\n", "3,4\n", "5,6\n"]) {
      child.stdin.write(row);
      const [chunk] = await once(child.stdout, "data");
      expect(rowsOf(String(chunk))).toHaveLength(1);
    }
    child.stdin.end();
    expect(await once(child, "close")).toEqual([0, null]);
  });

  it("ends with code 0 when nobody reads on", async () => {
    const child = start("classifier.safetensors");
    let err = "";
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    child.stdin.write("1,2\n");
    await once(child.stdout, "data");
    child.stdout.destroy();
    const more = setInterval(() => child.stdin.write("1,2\n"), 5);
    const ended = await once(child, "close");
    clearInterval(more);
    expect([ended, err]).toEqual([[0, null], ""]);
  });

  it.skipIf(process.platform === "win32")(
    "ends with code 0 on Ctrl-C and keeps the state, without half a row",
    async () => {
      const child = start("classifier.safetensors --state interrupted");
      child.stdin.write("1,2\n3");
      await once(child.stdout, "data");
      child.kill("SIGINT");
      expect(await once(child, "close")).toEqual([0, null]);
      expect(existsSync(join(folder, "interrupted"))).toBe(true);
    },
  );
});
