/**
 * What bench/start.ts times: loads the model file that it is given and makes one prediction. With "phases" it prints how many
 * milliseconds each part took.
 */

const times = [performance.now()];
const { createSession, loadModel } = await import("../dist/index.js");
times.push(performance.now());
const model = await loadModel(process.argv[2]);
times.push(performance.now());
const session = await createSession(model);
times.push(performance.now());
const [{ dtype, shape }] = session.inputs;
const x = dtype === "I32" ? 1 : new Float32Array(shape[0]).fill(0.5);
const y = session.stream().step(x);
times.push(performance.now());
if (!y.every(Number.isFinite)) process.exitCode = 1;
if (process.argv[3] === "phases") console.log(JSON.stringify(times));
