/**
 * What bench/tables/load.ts times: loads the model file that it is given, makes one prediction, and prints the clock between its
 * parts, in milliseconds.
 */

// Not performance.now(): Node loads what stands behind that name when it is first asked for, a millisecond.
const now = () => Number(process.hrtime.bigint()) / 1e6;
const times = [now()];
const { createSession, loadModel } = await import("../dist/index.js");
times.push(now());
const model = await loadModel(process.argv[2]);
times.push(now());
const session = await createSession(model);
times.push(now());
const [{ dtype, shape }] = session.inputs;
const x = dtype === "I32" ? 1 : new Float32Array(shape[0]).fill(0.5);
const y = session.stream().step(x);
times.push(now());
if (!y.every(Number.isFinite)) process.exitCode = 1;
console.log(JSON.stringify(times));
