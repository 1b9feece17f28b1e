/** What runs in each worker of a pool: a session of the model it is given first, then jobs, each answered by its result. */

import type { SessionOptions } from "../create.ts";
import { createSessionSync, type Model, type RunInput, type RunOptions, type Session } from "../index.ts";

/** To a worker: the model once, then jobs. */
export type Request =
  | { readonly kind: "open"; readonly model: Model; readonly options: Pick<SessionOptions, "variant" | "maxSteps"> }
  | { readonly kind: "run"; readonly id: number; readonly xs: RunInput; readonly options: RunOptions };

/** From a worker. An error crosses as its parts: structured clones lose classes and codes. */
export type Reply =
  | { readonly kind: "opened"; readonly info: Session["info"] }
  | { readonly kind: "done"; readonly id: number; readonly result: ReturnType<Session["run"]> }
  | { readonly kind: "failed"; readonly id?: number; readonly error: { name: string; message: string; code?: string } };

interface Port {
  onmessage: ((event: { readonly data: Request }) => void) | null;
  postMessage(reply: Reply, transfer?: ArrayBufferLike[]): void;
}

// Node's workers have a port; the others are ports.
const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads");
const port = (threads?.parentPort ?? globalThis) as unknown as Port;

let session: Session;

port.onmessage = ({ data }) => {
  const id = data.kind === "run" ? data.id : undefined;
  try {
    if (data.kind === "open") {
      session = createSessionSync(data.model, data.options);
      port.postMessage({ kind: "opened", info: session.info });
      return;
    }
    const result = session.run(data.xs, data.options);
    const arrays = [...Object.values(result.outputs), ...Object.values(result.state)];
    port.postMessage({ kind: "done", id: data.id, result }, [...new Set(arrays.map(({ buffer }) => buffer))]);
  } catch (thrown) {
    const { name, message, code } = thrown as Error & { code?: string };
    port.postMessage({ kind: "failed", id, error: { name, message, code } });
  }
};
