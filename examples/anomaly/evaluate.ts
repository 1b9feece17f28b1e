/**
 * Precision and recall of the alarms on the series that the training held out (manifest.json lists them), by the windows that
 * the benchmark's authors marked: an alarm inside a window is right, a window with an alarm inside is found.
 *
 *     npx tsx examples/anomaly/evaluate.ts FOLDER             FOLDER holds data/ and labels/combined_windows.json
 *     npx tsx examples/anomaly/evaluate.ts FOLDER trained     the series that the threshold was chosen on
 */

import { createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { Detector } from "./detector.ts";
import { readReadings } from "./readings.ts";
import { openSession } from "./session.ts";

const [folder, set = "heldOut"] = process.argv.slice(2);
if (folder === undefined) throw new TypeError("evaluate.ts expected a folder, got none");
if (set !== "heldOut" && set !== "trained") throw new TypeError(`expected heldOut or trained, got "${set}"`);
const names: string[] = JSON.parse(readFileSync(new URL("manifest.json", import.meta.url), "utf8"))[set];
const labels: Record<string, [string, string][]> = JSON.parse(
  readFileSync(join(folder, "labels", "combined_windows.json"), "utf8"),
);

const session = await openSession();
const total = { readings: 0, marked: 0, bits: 0, alarms: 0, right: 0, windows: 0, found: 0 };
for (const name of names) {
  const windows = labels[name].map(([from, to]) => ({ from: instant(from), to: instant(to), found: false }));
  const detector = new Detector(session);
  let [alarms, right] = [0, 0];
  for await (const { time, value } of readReadings(createReadStream(join(folder, "data", name), "utf8"), name)) {
    const { bits, alarm } = detector.score(value);
    const at = instant(time);
    const around = windows.filter(({ from, to }) => from <= at && at <= to);
    total.readings++;
    total.bits += bits;
    if (around.length > 0) total.marked++;
    if (!alarm) continue;
    alarms++;
    if (around.length > 0) right++;
    for (const window of around) window.found = true;
  }
  const found = windows.filter((window) => window.found).length;
  console.log(`${name}: ${right} of ${alarms} alarms right, ${found} of ${windows.length} windows found`);
  total.alarms += alarms;
  total.right += right;
  total.windows += windows.length;
  total.found += found;
}
console.log(
  `precision ${(total.right / total.alarms).toFixed(2)} (${total.right} of ${total.alarms} alarms), ` +
    `recall ${(total.found / total.windows).toFixed(2)} (${total.found} of ${total.windows} windows)`,
);
console.log(
  `${total.readings} readings, ${((100 * total.marked) / total.readings).toFixed(1)} % of them in windows; ` +
    `${(total.bits / (total.readings - names.length)).toFixed(4)} bits per reading`,
);
session.dispose();

/** "2014-04-10 07:15:00" → milliseconds, as if in UTC: only compared with one another. */
function instant(text: string): number {
  return Date.parse(`${text.replace(" ", "T")}Z`);
}
