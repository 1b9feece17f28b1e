// The worker's script as a file that the bundler makes, for bundlers that know this form: no Blob, no URL to look after.

import { readModel } from "sluice";
import { createSession } from "sluice/worker";

globalThis.run = async (bytes, samples) => {
  const worker = new Worker(new URL("sluice/worker-thread", import.meta.url), { type: "module" });
  const session = await createSession(readModel(Uint8Array.from(bytes)), { variant: "simd", worker });
  const { output } = await session.run(Float32Array.from(samples));
  session.dispose();
  return [Array.from(output)];
};
