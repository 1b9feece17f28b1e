/** The soak in a short form, in a process of its own: `npm run soak` is the long one. */

import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("streams, sessions and steps leave memory as it was after a warm-up", { timeout: 240_000 }, () => {
  const counts = ["--streams", "20000", "--sessions", "300", "--steps", "1000000"];
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", "tsx", fileURLToPath(new URL("run.ts", import.meta.url)), ...counts],
    { encoding: "utf8" },
  );
  expect([status, stderr], stdout).toEqual([0, ""]);
  expect(stdout.match(/^constant \d+ (streams|sessions|steps), /gm)).toHaveLength(4);
});
