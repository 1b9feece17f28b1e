/** The command line on ONNX files: what inspect says of them, and what run makes of them. */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { model as write } from "../formats/onnx/writer.ts";

const CLI = fileURLToPath(new URL("../../dist/cli.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "sluice-onnx-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const sluice = (...args: string[]) => execFileSync(process.execPath, [CLI, ...args], { cwd: folder, encoding: "utf8" });

const half = (...shape: number[]) => [shape, new Array<number>(shape.reduce((a, b) => a * b)).fill(0.5)] as const;

writeFileSync(
  join(folder, "gru.onnx"),
  write({
    exporter: ["pytorch", "2.9.0"],
    inputs: { x: ["T", "N", 2] },
    outputs: { y: ["T", 1, "N", 3] },
    initializers: { W: half(1, 9, 2), R: half(1, 9, 3) },
    nodes: [{ op: "GRU", name: "rnn", inputs: ["x", "W", "R"], outputs: ["y"] }],
  }),
);
writeFileSync(
  join(folder, "graph.onnx"),
  write({
    inputs: { x: ["N", 3], gain: [] },
    outputs: { y: ["N", 3] },
    initializers: { w: half(1, 1, 3), axis: [[1], [1], "int64"], shape: [[2], [1, -1], "int64"] },
    nodes: [
      { op: "Unsqueeze", inputs: ["x", "axis"], outputs: ["row"] },
      { op: "Conv", name: "smooth", inputs: ["row", "w"], outputs: ["c"], attrs: { pads: [1, 1] } },
      { op: "Reshape", inputs: ["c", "shape"], outputs: ["r"] },
      { op: "Mul", name: "scale", inputs: ["r", "gain"], outputs: ["y"] },
    ],
  }),
);
writeFileSync(join(folder, "rows.csv"), "1,2\n3,4\n");
writeFileSync(join(folder, "signal.csv"), "1,2,3\n0,0,1\n");

describe("sluice", () => {
  it("inspect tells the layer, its warning and how to run it", () => {
    const said = sluice("inspect", "gru.onnx");
    expect(said).toContain("gru");
    expect(said).toContain("linear_before_reset is 0");
    expect(said).toContain('from "sluice/onnx"');
    const facts = JSON.parse(sluice("inspect", "gru.onnx", "--gru-reset", "after", "--json"));
    expect(facts.model.warnings).toEqual([]);
    expect(facts.model.layers[0].attrs.resetAfter).toBe(true);
    expect(facts.model.code.join("\n")).toContain('gruReset: "after"');
  });

  it("run gives a row for each row", () => {
    expect(sluice("run", "gru.onnx", "rows.csv").trim().split("\n")).toHaveLength(2);
  });

  it("a graph takes sizes and constants, and runs on the kernels of graphs", () => {
    const options = ["--shape", "x=1,3", "--constant", "gain=2"];
    const facts = JSON.parse(sluice("inspect", "graph.onnx", ...options, "--json"));
    expect(facts.model.layers.map(({ op }: { op: string }) => op)).toContain("conv");
    expect(facts.model.code.join("\n")).toContain("shapes: { x: [1, 3] }, constants: { gain: [2] }");
    expect(sluice("run", "graph.onnx", "signal.csv", ...options).trim()).toBe("3,6,5\n0,1,1");
  });

  it.each([
    [["--shape", "x"], '--shape: expected NAME=VALUE; got "x"'],
    [["--gru-reset", "before"], '--gru-reset: expected after; got "before"'],
  ])("%j is a wrong call", (args, message) => {
    expect(() => sluice("inspect", "gru.onnx", ...args)).toThrow(message);
  });
});
