/** The built command line on files of torch.save. */

import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { GOLDEN } from "../vectors.ts";
import { makeFolder, sluice } from "./files.ts";

const folder = makeFolder();
const files = JSON.parse(readFileSync(join(GOLDEN, "pt/manifest.json"), "utf8")).files;
for (const name of ["model.pt", "model-stream.pt", "module.pt", "checkpoint.pt"]) {
  copyFileSync(join(GOLDEN, "pt", name), join(folder, name));
}
const LAYERS =
  '[{"type":"embedding","name":"emb"},{"type":"lstm","name":"rnn","numLayers":2},{"type":"linear","name":"head"}]';

describe("sluice", () => {
  it.each(["model.pt", "model-stream.pt", "checkpoint.pt"])("inspects %s, and ends with lines that run it", (name) => {
    const { code, out, err } = sluice(folder, ["inspect", name]);
    expect([code, err]).toEqual([0, ""]);
    expect(out).toContain(`${name}: PyTorch, weights alone (a state_dict)`);
    expect(out).toContain('{ type: "lstm", numLayers: 2, name: "rnn" }');
    expect(out).toContain("? activation after it: none is assumed");
    expect(out).toContain('import { createSession, loadModel } from "sluice/pytorch";');
  });

  it("runs a state_dict, and gives PyTorch's numbers", () => {
    const { ids, output } = files["model.pt"].run;
    writeFileSync(join(folder, "ids.csv"), ids.map((id: number) => `${id}\n`).join(""));
    const { code, out, err } = sluice(folder, ["run", "model.pt", "ids.csv", "--layers", LAYERS]);
    expect([code, err]).toEqual([0, ""]);
    const got = out.trim().split(/[\n,]/).map(Number).filter(Number.isFinite);
    expect(got.slice(-output.length).map((value) => value.toFixed(4))).toEqual(
      output.map((value: number) => value.toFixed(4)),
    );
  });

  it("without --layers says what they may be", () => {
    const { code, err } = sluice(folder, ["run", "model.pt", "ids.csv"]);
    expect(code).toBe(1);
    expect(err).toContain(
      `by names and shapes it looks like --layers '[{"type":"embedding","name":"emb"},{"type":"lstm","numLayers":2,"name":"rnn"},`,
    );
  });

  it("refuses a whole module, with what to save instead", () => {
    const { code, err } = sluice(folder, ["inspect", "module.pt"]);
    expect(code).toBe(1);
    expect(err).toMatch(/^sluice: module\.pt: .*torch\.nn\.modules\.rnn\.GRU.*torch\.save\(model\.state_dict\(\)/);
  });
});
