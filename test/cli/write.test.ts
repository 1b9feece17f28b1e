/** What commands write: never over what they read, and whole also where nobody reads what they print. */

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { type Tensor, writeSafetensors } from "../../src/index.ts";
import { CLI, FLAGS, makeFolder, modelOf, sluice, writeModels } from "./files.ts";
import { npz } from "./saved.ts";

const folder = makeFolder();
const rows = (name: string, shape: number[], data: Float32Array): Tensor => ({ name, dtype: "F32", shape, data });
beforeEach(() => {
  writeModels(folder);
  symlinkSync("classifier.safetensors", join(folder, "link"));
  writeFileSync(join(folder, "rows.csv"), "1,2\n3,4\n");
  writeFileSync(join(folder, "short.csv"), "1\n");
  writeFileSync(
    join(folder, "io.npz"),
    npz([rows("x", [1, 2], Float32Array.of(1, 2)), rows("y", [1, 3], Float32Array.of(5, 5, 5))]),
  );
  return () => rmSync(join(folder, "link"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const bytesOf = (name: string) => readFileSync(join(folder, name));
/** The command with standard output closed, or into a file; its exit code. */
const piped = (args: string, to: string) => {
  const command = `"${process.execPath}" ${FLAGS.join(" ")} "${CLI}" ${args} ${to}; exit \${PIPESTATUS[0]}`;
  const { status, stderr } = spawnSync("bash", ["-c", command], { cwd: folder });
  return { code: status, err: String(stderr) };
};

describe("an output that is one of the inputs is refused and stays as it is", () => {
  it.each([
    ["run classifier.safetensors rows.csv -o rows.csv", "rows.csv"],
    ["run classifier.safetensors rows.csv -o classifier.safetensors", "classifier.safetensors"],
    ["run classifier.safetensors rows.csv --state rows.csv", "rows.csv"],
    ["run link rows.csv -o classifier.safetensors", "classifier.safetensors"],
    ["run classifier.safetensors rows.csv --state rows.csv -o rows.csv", "rows.csv"],
    ["check classifier.safetensors --expect io.npz -o io.npz", "io.npz"],
    ["check classifier.safetensors --expect io.npz -o link", "classifier.safetensors"],
    ["quantize classifier.safetensors -o ./classifier.safetensors", "classifier.safetensors"],
    ["quantize classifier.safetensors --data rows.csv -o rows.csv", "rows.csv"],
    ["convert classifier.safetensors link", "classifier.safetensors"],
  ])("%s", (args, file) => {
    const before = bytesOf(file);
    const { code, out, err } = sluice(folder, args.split(" "));
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("expected another file than the input; got the same");
    expect(bytesOf(file)).toEqual(before);
  });
});

describe("a run that fails before its first row", () => {
  it.each(["short.csv", "none.csv"])("leaves the old output, and makes no new one: %s", (input) => {
    writeFileSync(join(folder, "kept.csv"), "kept");
    for (const output of ["kept.csv", "new.csv", "new.npy"])
      expect(sluice(folder, ["run", "classifier.safetensors", input, "-o", output]).code).toBe(1);
    expect(String(bytesOf("kept.csv"))).toBe("kept");
    for (const output of ["new.csv", "new.npy"]) expect(existsSync(join(folder, output))).toBe(false);
  });

  it("of no rows makes an empty file", () => {
    writeFileSync(join(folder, "empty.csv"), "");
    expect(sluice(folder, ["run", "classifier.safetensors", "empty.csv", "-o", "none.csv"]).code).toBe(0);
    expect(statSync(join(folder, "none.csv")).size).toBe(0);
  });
});

describe.skipIf(process.platform === "win32")("where nobody reads standard output", () => {
  it("bake writes all three files, and again over empty ones", () => {
    for (const name of ["baked.js", "baked.d.ts"]) writeFileSync(join(folder, name), "");
    expect(piped("bake classifier.safetensors -o baked.wasm", "| true")).toEqual({ code: 0, err: "" });
    expect(bytesOf("baked.wasm").length).toBeGreaterThan(1000);
    for (const name of ["baked.js", "baked.d.ts"]) expect(String(bytesOf(name))).toContain("sluice bake");
  });

  it("check still ends with code 1 on a mismatch", () => {
    expect(piped("check classifier.safetensors --expect io.npz", "| true")).toEqual({ code: 1, err: "" });
  });

  it("run stops and keeps the state of the rows that it took", () => {
    writeFileSync(join(folder, "many.csv"), "1,2\n".repeat(100_000));
    const { code, err } = piped("run classifier.safetensors many.csv --state many.state", "| head -1");
    expect([code, err]).toEqual([0, ""]);
    expect(bytesOf("many.state").length).toBe(24 + 5 * 4);
    const sequence = piped("run bidirectional.safetensors many.csv", "| head -1");
    expect(sequence).toEqual({ code: 0, err: "" });
    const text = piped("run characters.safetensors --text a --length 100000 --state text.state", "| head -c 1");
    expect(text).toEqual({ code: 0, err: "" });
    expect(existsSync(join(folder, "text.state"))).toBe(true);
  });

  it.skipIf(!existsSync("/dev/full"))("a full disk is one line and code 1", () => {
    for (const args of ["inspect classifier.safetensors", "run classifier.safetensors rows.csv"]) {
      const { code, err } = piped(args, "> /dev/full");
      expect([code, err]).toEqual([1, "sluice: standard output: no space left on device\n"]);
    }
  });
});

describe("what the reader warns of", () => {
  it.each(["run FILE rows.csv", "bench FILE --count 1", "bake FILE -o warned.wasm", "quantize FILE -o warned.out"])(
    "is on standard error: %s",
    (args) => {
      const json = {
        in_shape: [null, null, 2],
        layers: [
          { type: "dense", shape: [null, null, 1], weights: [[[1], [2]], [3]] },
          { type: "dense", shape: [null, null, 1], weights: [[[1]], [2]] },
        ],
      };
      writeFileSync(join(folder, "warned.json"), JSON.stringify(json));
      const { code, err } = sluice(folder, args.replace("FILE", "warned.json").split(" "));
      expect([code, err.split("\n").length]).toEqual([0, 2]);
      expect(err).toMatch(/^sluice: warning: layers\[0\] \(dense\): names no activation/);
    },
  );

  it("is nothing for a file that gives no reason", () => {
    writeFileSync(join(folder, "plain.safetensors"), writeSafetensors(modelOf("classifier")));
    expect(sluice(folder, ["run", "plain.safetensors", "rows.csv"]).err).toBe("");
  });
});

it("a value that begins with a dash is named, with its option", () => {
  const { code, err } = sluice(folder, ["check", "classifier.safetensors", "--expect", "io.npz", "--tolerance", "-1"]);
  expect([code, err]).toEqual([
    2,
    "sluice: --tolerance: expected a value that does not begin with a dash (sluice check --help tells more)\n",
  ]);
});

describe("numbers of --shape and --constant", () => {
  it.each([
    ["--shape x=a,b", '--shape: expected sizes between commas; got "a"'],
    ["--shape x=", '--shape: expected sizes between commas; got ""'],
    ["--shape x=1,,2", '--shape: expected sizes between commas; got ""'],
    ["--constant sr=", '--constant: expected numbers between commas; got ""'],
    ["--constant sr=16k", '--constant: expected numbers between commas; got "16k"'],
  ])("%s is a wrong call", (args, message) => {
    const { code, err } = sluice(folder, ["inspect", "classifier.safetensors", ...args.split(" ")]);
    expect([code, err]).toEqual([2, `sluice: ${message} (sluice inspect --help tells more)\n`]);
  });

  it.each(["--shape x=1,2", "--constant sr=1", "--pair h0=hn", "--gru-reset after"])(
    "%s of a file that is not ONNX is refused",
    (args) => {
      const { code, err } = sluice(folder, ["inspect", "classifier.safetensors", ...args.split(" ")]);
      expect(code).toBe(1);
      expect(err).toMatch(/"(shapes|constants|state|gruReset)" expected none for safetensors, got some/);
    },
  );
});
