/**
 * Sensors that publish readings: a daily wave with noise, now and then a fault. They are made from the sensor's name and the
 * reading's number alone, so a process that starts again goes on where the stream ends.
 *
 *     sensors.js PORT SENSORS READINGS PAUSE      PAUSE: milliseconds between two rounds
 */

import { open } from "./names.js";

const [port, sensors, readings, pause] = process.argv.slice(2).map(Number);
const { connection, manager, js } = await open(port);
connection.closed().then(() => process.exit(1)); // whoever keeps this program starts it again
const names = Array.from({ length: sensors }, (_, i) => `sensor-${i}`);
const done = await Promise.all(names.map(last));
console.log("ready");

for (let seq = Math.min(...done) + 1; seq <= readings; seq++) {
  const round = names.flatMap((name, i) =>
    seq <= done[i]
      ? []
      : js.publish(`readings.${name}`, JSON.stringify({ seq, value: reading(i, seq) }), { msgID: `${name} ${seq}` }),
  );
  await Promise.all(round);
  if (pause > 0) await new Promise((resolve) => setTimeout(resolve, pause));
}
process.exit(0);

/** The number of the sensor's last reading in the stream. */
async function last(name) {
  const message = await manager.streams.getMessage("READINGS", { last_by_subj: `readings.${name}` });
  return message === null ? 0 : message.json().seq;
}

function reading(sensor, seq) {
  const wave = Math.sin((2 * Math.PI * (seq + 37 * sensor)) / 288);
  const wild = noise(sensor, Math.floor(seq / 16) + 1e6) > 0.995 ? 40 * (noise(sensor, seq + 2e6) - 0.5) : 0;
  return Math.round(1000 * (50 + 5 * sensor + 10 * wave + noise(sensor, seq) + wild)) / 1000;
}

/** From 0 up to 1, the same for the same two numbers. */
function noise(a, b) {
  let bits = Math.imul(a + 1, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 15), 0x2c1b3c6d);
  bits = Math.imul(bits ^ (bits >>> 12), 0x297a2d39);
  return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
}
