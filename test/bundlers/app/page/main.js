// A page's program, as its author writes it: bundled without configuration, run in Chromium (bundlers.test.ts).

import { createSession, readModel } from "sluice";
import { createSession as createWorkerSession } from "sluice/worker";
import { createSluiceNode } from "sluice/worklet";

/** The outputs of the page, the worker and the audio thread for the same samples, and which engine a chunk brings. `thread`, `processor`: served files. */
globalThis.run = async (bytes, samples, { thread, processor } = {}) => {
  const model = readModel(Uint8Array.from(bytes));
  const x = Float32Array.from(samples);

  const session = await createSession(model, { variant: "simd" });
  const inPage = session.stream().run(x);
  session.dispose();

  const { variant } = (await createSession(model, { variant: "reference" })).info;

  const remote = await createWorkerSession(model, { variant: "simd", url: thread });
  const inWorker = await (await remote.stream()).run(x);
  remote.dispose();

  const context = new OfflineAudioContext(1, x.length, 48000);
  const buffer = context.createBuffer(1, x.length, 48000);
  buffer.copyToChannel(x, 0);
  const source = new AudioBufferSourceNode(context, { buffer });
  const node = await createSluiceNode(context, model, { variant: "simd", url: processor });
  source.connect(node).connect(context.destination);
  source.start();
  const inWorklet = (await context.startRendering()).getChannelData(0);

  return [...[inPage, inWorker, inWorklet].map((y) => Array.from(y)), variant];
};
