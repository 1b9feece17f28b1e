/** ONNX files → the denoiser that they are, known by what they take. */

import { basename } from "node:path";
import { createSession, loadModel, type Model, type SessionOptions } from "sluice/onnx";
import { type Denoiser, dtln, gtcrn } from "./denoiser.ts";

/** GTCRN's one file, or DTLN's two in their order. */
export async function openDenoiser(
  files: readonly string[],
  variant: string = "auto",
): Promise<{ readonly name: string; readonly denoiser: Denoiser }> {
  const options = { variant: variant as SessionOptions["variant"] };
  const sessions = await Promise.all(files.map(async (file, i) => createSession(await read(file, i), options)));
  const streams = sessions.map((session) => session.stream());
  const taken = sessions
    .map(({ inputs }) => inputs[0].shape.reduce<number>((product, size) => product * Number(size), 1))
    .join(" and ");
  const kind = `${sessions[0].info.variant}, Node ${process.versions.node}`;
  if (taken === "514") return { name: `GTCRN (${kind})`, denoiser: gtcrn(streams[0]) };
  if (taken === "257 and 512") return { name: `DTLN (${kind})`, denoiser: dtln(streams[0], streams[1]) };
  throw new Error(
    `${files.map((file) => basename(file)).join(", ")}: expected GTCRN, which takes 514 numbers, or DTLN's model_1 and ` +
      `model_2, which take 257 and 512; got ${taken}`,
  );
}

/** The names of the state of DTLN's second file do not tell that they belong together. */
async function read(file: string, index: number): Promise<Model> {
  try {
    return await loadModel(file, index === 1 ? { state: { input_5: "tf_op_layer_stack_5" } } : {});
  } catch (error) {
    const expected = index === 1 ? "DTLN's second file" : "GTCRN, or DTLN's first file";
    throw new Error(`${basename(file)}: expected ${expected}; got ${(error as Error).message}`);
  }
}
