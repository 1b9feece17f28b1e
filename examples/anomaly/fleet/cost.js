/**
 * What a reading and a sensor cost, measured on this machine: processor time of each process by /proc, so other load does not
 * count, and memory and disk of few sensors against many. Linux.
 *
 *     npm run cost -- [SENSORS] [READINGS]
 */

import { readFileSync } from "node:fs";
import { open } from "./names.js";
import { keep, startServer } from "./start.js";

const FEW = 10;
const TICKS = 100; // clock ticks of /proc a second, on every Linux that Node runs on

const [sensors = 2000, readings = 20] = process.argv.slice(2).map(Number);
const warm = await fleet(FEW, readings);
const long = await fleet(FEW, Math.ceil((sensors * readings) / FEW));
const wide = await fleet(sensors, readings);

const count = (long.total - warm.total) / 1e6;
console.log(`${long.total} readings of ${FEW} sensors, one worker; what ${warm.total} readings take is not counted`);
for (const name of ["worker", "server", "sensors"]) {
  const us = (long[name].seconds - warm[name].seconds) / count;
  console.log(
    `${name.padEnd(8)} ${us.toFixed(0).padStart(4)} µs of a core for a reading: ${rate(us)} a second and core`,
  );
}
const us = ["worker", "server"].reduce((sum, name) => sum + (long[name].seconds - warm[name].seconds), 0) / count;
console.log(`both     ${us.toFixed(0).padStart(4)} µs without the sensors: ${rate(us)} a second and core`);
const more = sensors - FEW;
const each = (a, b) => `${((a - b) / more).toFixed(0)} bytes`;
console.log(`${sensors} sensors, ${readings} readings each, against ${FEW} of as many readings in all:`);
console.log(`state in the bucket ${each(wide.bucket, long.bucket)} a sensor (last message of each)`);
console.log(
  `memory of the worker ${each(wide.worker.bytes, long.worker.bytes)}, of the server ${each(wide.server.bytes, long.server.bytes)}`,
);
console.log(
  `a reading in its stream ${(wide.readings / wide.total).toFixed(0)} bytes, a score ${(wide.scores / wide.total).toFixed(0)}`,
);
process.exit(0);

function rate(us) {
  return Math.round(1e6 / us);
}

async function fleet(sensors, readings) {
  const server = await startServer();
  const { manager, connection } = await open(server.port);
  const worker = keep("worker.js", server.port);
  const source = keep("sensors.js", server.port, sensors, readings, 0);
  const total = sensors * readings;
  let last = { seconds: 0, bytes: 0 };
  for (let scored = 0; scored < total; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    last = usage(source.pid) ?? last;
    scored = (await manager.streams.info("SCORES")).state.messages;
  }
  const bytes = async (name) => (await manager.streams.info(name)).state.bytes;
  const found = {
    total,
    worker: usage(worker.pid),
    server: usage(server.pid),
    sensors: last,
    bucket: await bytes("KV_sensors"),
    readings: await bytes("READINGS"),
    scores: await bytes("SCORES"),
  };
  for (const program of [worker, source]) program.stop();
  await connection.close();
  await server.stop();
  return found;
}

/** Seconds of processor time so far, and resident bytes; undefined where the process has ended. */
function usage(pid) {
  try {
    // After the name in parentheses: state, then from the 14th field of all on utime and stime.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").pop().split(" ");
    const [, resident] = readFileSync(`/proc/${pid}/statm`, "utf8").split(" ");
    if (resident === "0") return undefined;
    return { seconds: (Number(fields[11]) + Number(fields[12])) / TICKS, bytes: Number(resident) * 4096 };
  } catch {
    return undefined;
  }
}
