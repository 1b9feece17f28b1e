/** The fleet of examples/anomaly, where its packages are installed in its folder and the system has NATS. */

import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const FLEET = fileURLToPath(new URL("../../examples/anomaly/fleet", import.meta.url));

function missing(): string | undefined {
  if (!existsSync(`${FLEET}/node_modules/@nats-io`)) return "npm ci was not run in examples/anomaly/fleet";
  if (spawnSync("nats-server", ["--version"]).status !== 0) return "nats-server is not installed";
  return undefined;
}

/** Rejects where the program fails. */
const run = (program: string, ...args: string[]) =>
  promisify(execFile)(process.execPath, ["--import", "tsx", program, ...args], { cwd: FLEET });

describe("the fleet", () => {
  const reason = missing();
  const kills = "logs the same scores whether server, workers and sensors are killed or not";
  const live = "scores every reading of every sensor, and ends";
  if (reason !== undefined) {
    it.skip(`${kills} (${reason})`, () => {});
    it.skip(`${live} (${reason})`, () => {});
    return;
  }

  it(kills, { timeout: 300_000 }, async () => {
    const { stdout } = await run("chaos.js", "12", "3", "40");
    const [, server, early] =
      /^.*\n12 kills \(server (\d+), .*\), (\d+) of them before .*; 3 of 3 logs equal\n$/.exec(stdout) ?? [];
    expect(Number(server), stdout).toBeGreaterThan(0);
    expect(Number(early), stdout).toBeGreaterThan(6);
  });

  it(live, { timeout: 120_000 }, async () => {
    const { stdout } = await run("main.js", "3", "2", "100");
    expect(stdout).toMatch(/^(sensor-\d +[▁▂▃▄▅▆▇█▲]{60} \d+ alarms\n){3}300 scores, \d+ a second, 2 workers\n$/);
  });
});
