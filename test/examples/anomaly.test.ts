/** The programs of examples/anomaly as a reader runs them: in a process of their own, over the built package. */

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createSessionSync, readModel } from "sluice";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Detector } from "../../examples/anomaly/detector.ts";
import { elements } from "../../src/tensor.ts";
import { NO_VECTORS, readJson, VECTORS } from "../vectors.ts";

const EXAMPLE = fileURLToPath(new URL("../../examples/anomaly", import.meta.url));
const MODEL = join(EXAMPLE, "model.safetensors");

interface Manifest {
  readonly trained: readonly string[];
  readonly heldOut: readonly string[];
  readonly sizes: Readonly<Record<"hidden" | "mixture" | "parameters", number>>;
  readonly heldOutBitsPerReading: number;
}
const manifest = readJson(EXAMPLE, "manifest.json") as Manifest;

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the example; `input` is its standard input. `interrupt`: SIGINT at its first line, before the input's end. */
function run(program: string, args: readonly string[], input = "", interrupt = false): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ["--import", "tsx", join(EXAMPLE, program), ...args]);
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
    child.stdin.on("error", () => {}); // a program that failed reads no more
    if (interrupt) {
      child.stdout.once("data", () => child.kill("SIGINT"));
      child.stdin.write(input);
    } else child.stdin.end(input);
  });
}

/** A sensor with a daily wave and noise (a linear congruential generator's) that goes wild for an hour at two places. */
function sensor(): string[] {
  let seed = 12345;
  return Array.from({ length: 2400 }, (_, i) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    const wild = (i >= 900 && i < 912) || (i >= 1800 && i < 1812) ? (i < 1000 ? 60 : 90) : 0;
    const value = 50 + 10 * Math.sin((2 * Math.PI * i) / 288) + 2 * (seed / 2 ** 32 - 0.5) + wild * (i % 2 ? 1 : -1);
    return `${new Date(Date.UTC(2026, 0, 1, 0, 5 * i)).toISOString().slice(0, 19).replace("T", " ")},${value.toFixed(3)}`;
  });
}
const lines = sensor();
const csv = (from: number, to: number) => `${lines.slice(from, to).join("\n")}\n`;

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "anomaly-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("the forecaster", () => {
  const model = readModel(new Uint8Array(readFileSync(MODEL)));

  it("is what its manifest says, in at most 300 KB", () => {
    expect(model.nodes.map(({ op }) => op)).toEqual(["gru", "linear"]);
    expect(model.nodes[0].attrs.hiddenSize).toBe(manifest.sizes.hidden);
    expect(model.info.labels).toHaveLength(3 * manifest.sizes.mixture);
    const parameters = [...model.tensors.values()].reduce((sum, { shape }) => sum + elements(shape), 0);
    expect(parameters).toBe(manifest.sizes.parameters);
    expect(statSync(MODEL).size).toBeLessThanOrEqual(300_000);
  });

  it("was trained on no series that it is measured on", () => {
    expect(manifest.heldOut.length).toBeGreaterThan(0);
    expect(manifest.trained.filter((name) => manifest.heldOut.includes(name))).toEqual([]);
  });
});

describe("a detector", () => {
  const model = readModel(new Uint8Array(readFileSync(MODEL)));
  const values = lines.map((line) => Number(line.split(",")[1]));

  it("goes on from its bytes, after any reading, bit for bit", () => {
    using session = createSessionSync(model, { variant: "simd" });
    const whole = new Detector(session);
    let pieces = new Detector(session);
    values.slice(0, 1000).forEach((value, i) => {
      if (i % 7 === 0) {
        const next = new Detector(session);
        next.load(pieces.save());
        pieces = next;
      }
      expect(pieces.score(value)).toEqual(whole.score(value));
    });
    expect(pieces.save()).toEqual(whole.save());
  });

  it("refuses readings and bytes that are none, and is as it was", () => {
    using session = createSessionSync(model, { variant: "simd" });
    const detector = new Detector(session);
    for (const value of values.slice(0, 20)) detector.score(value);
    const saved = detector.save();
    expect(() => detector.score(Number.NaN)).toThrow('"reading" expected a finite number, got NaN');
    expect(() => detector.load(saved.slice(0, 40))).toThrow(
      '"bytes" expected what a detector saved, got 40 other bytes',
    );
    expect(() => detector.load(saved.slice(1))).toThrow('"bytes" expected what a detector saved');
    expect(() => detector.load(saved.slice(0, -4))).toThrow();
    const past = saved.slice();
    past.fill(0, 0, 8);
    expect(() => detector.load(past)).toThrow('"bytes" expected what a detector saved');
    expect(detector.save()).toEqual(saved);
  });

  it("is not troubled by a sensor that never moves, or by one that jumps by sixteen powers of ten", () => {
    using session = createSessionSync(model, { variant: "simd" });
    const detector = new Detector(session);
    for (const value of [...Array(300).fill(0), 1e16, ...Array(300).fill(0)]) {
      const { surprise, loudness, bits } = detector.score(value);
      expect(surprise >= 0 && surprise <= 64 && Number.isFinite(loudness) && Number.isFinite(bits)).toBe(true);
    }
  });
});

describe("watch.ts", { timeout: 60_000 }, () => {
  it("prints an alarm where the sensor goes wild, and nowhere else", async () => {
    const file = join(folder, "readings.csv");
    writeFileSync(file, `timestamp,value\r\n${lines.join("\r\n")}`);
    const { code, stdout, stderr } = await run("watch.ts", [file]);
    expect(stdout).toMatch(/^2026-01-04 03:\d\d:00 .* bits.*\n2026-01-07 06:\d\d:00 .* bits.*\n$/);
    expect(stderr).toMatch(/^[▁▂▃▄▅▆▇█]{20,79}\n +▲ +▲\n2400 readings, 2 alarms\n$/);
    expect(code).toBe(0);
  });

  it("prints the same alarms in one piece and in several, with the state in a file between them", async () => {
    const whole = await run("watch.ts", [], csv(0, 2400));
    const state = join(folder, "sensor.state");
    let alarms = "";
    for (const [from, to] of [
      [0, 903],
      [903, 904],
      [904, 1803],
      [1803, 2400],
    ]) {
      const piece = await run("watch.ts", ["--state", state], csv(from, to));
      expect(piece.code).toBe(0);
      alarms += piece.stdout;
    }
    expect(alarms).toBe(whole.stdout);
    expect(alarms.split("\n")).toHaveLength(2 + 1);
    expect(statSync(state).size).toBeLessThan(300);
  });

  it("ends at Ctrl-C with the state of what it has seen, of a file and of standard input", async () => {
    const file = join(folder, "endless.csv");
    writeFileSync(file, csv(0, 2400).repeat(200));
    for (const [from, input] of [
      [file, ""],
      ["-", csv(0, 1000)],
    ]) {
      const state = join(folder, `${from === file}.state`);
      const { code, stderr } = await run("watch.ts", [from, "--state", state], input, true);
      expect(stderr).toMatch(/^[▁▂▃▄▅▆▇█]+\n( *▲)*\n?\d+ readings, \d+ alarms?\n$/);
      expect(code).toBe(0);
      const seen = Number(/(\d+) readings/.exec(stderr)?.[1]);
      expect(seen).toBeLessThan(480_000);
      const more = await run("watch.ts", ["--state", state], csv(0, 1));
      expect(more.stderr).toContain("1 readings, 0 alarms");
    }
  });

  it("says in one line what is wrong, with its place, and leaves the state as it was", async () => {
    const state = join(folder, "broken.state");
    const wrong = await run("watch.ts", ["-", "--state", state], "time,value\n2026-01-01,5\n2026-01-02,off\n");
    expect(wrong).toEqual({
      code: 1,
      stdout: "",
      stderr: 'standard input:3: expected a number in the last column; got "off"\n',
    });
    expect(existsSync(state)).toBe(false);

    writeFileSync(state, "something else");
    const other = await run("watch.ts", ["--state", state], "5\n");
    expect(other.stderr).toBe('"bytes" expected what a detector saved, got 14 other bytes\n');
    expect(readFileSync(state, "utf8")).toBe("something else");

    const long = await run("watch.ts", [], "1".repeat(5000));
    expect(long.stderr).toBe("standard input:1: expected at most 4096 characters\n");
    const two = await run("watch.ts", ["a.csv", "b.csv"]);
    expect(two.stderr).toBe("expected one file, got 2\n");
    const none = await run("watch.ts", [join(folder, "none.csv")]);
    expect(none.stderr).toMatch(/^ENOENT: .*none\.csv'\n$/);
  });
});

describe("evaluate.ts", () => {
  const data = VECTORS && join(VECTORS, "data", "anomaly");
  const name = "gets the precision and recall that the README states, and the bits per reading that PyTorch measured";

  if (data === undefined) it.skip(`${name} (${NO_VECTORS})`, () => {});
  else if (!existsSync(data)) it.skip(`${name} (data/anomaly is not there)`, () => {});
  else {
    it(name, { timeout: 120_000 }, async () => {
      const { stdout } = await run("evaluate.ts", [data]);
      const readme = readFileSync(join(EXAMPLE, "README.md"), "utf8");
      expect(stdout).toMatch(/^precision .* recall /m);
      expect(stdout).toContain(`${manifest.heldOutBitsPerReading.toFixed(4)} bits per reading`);
      expect(readme).toContain(stdout);
    });
  }
});
