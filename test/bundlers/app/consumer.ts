// Every entry and its types, as TypeScript resolves them in the packed package (package.test.ts).

import { createSession, loadModel, type Model, type Session, type Stream } from "sluice";
import { createSessionSync } from "sluice/debug";
import kernels from "sluice/kernels/simd.wasm";
import {
  createRuntime,
  createSession as createWorkerSession,
  type WorkerRuntime,
  type WorkerSession,
  type WorkerStream,
} from "sluice/worker";
import { createSluiceNode, type SluiceNode } from "sluice/worklet";

export async function main(context: AudioContext): Promise<number> {
  const model: Model = await loadModel("model.safetensors");
  const session: Session = await createSession(model, { variant: "simd", wasm: kernels });
  const stream: Stream = session.stream();
  const y: Float32Array = stream.step(new Float32Array(8));
  createSessionSync(model).dispose();

  const runtime: WorkerRuntime = await createRuntime();
  const remote: WorkerSession = await createWorkerSession(model, { runtime, signal: AbortSignal.timeout(1000) });
  const far: WorkerStream = await remote.stream();
  const z: Float32Array = await far.step(new Float32Array(8), y, { transfer: true });
  const { output } = await remote.run([new Float32Array(8)], { keep: "last", transfer: true });
  const { "rnn.h": h } = await far.state;
  runtime.dispose();

  const node: SluiceNode = await createSluiceNode(context, model, { params: [{ name: "gain", maxValue: 1 }] });
  node.connect(context.destination);
  node.parameters.get("gain")?.setValueAtTime(0.5, 0);
  node.reset();
  // @ts-expect-error there is no such option
  await createSluiceNode(context, model, { gain: 1 });
  return node.latencySamples + z.length + output.length + (h?.length ?? 0);
}
