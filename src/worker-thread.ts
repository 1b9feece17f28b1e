/** The script of `sluice/worker`'s workers: one self-contained file, for a Worker of the web or of node:worker_threads. */

import { createRuntimeSync, createSessionSync } from "./index.ts";
import type { Answer, Call } from "./worker/messages.ts";
import { serveCalls } from "./worker/thread.ts";

interface Port {
  postMessage(answer: Answer, move: ArrayBuffer[]): void;
  on?(name: "message", listener: (call: Call) => void): void;
}

const scope = globalThis as unknown as Port & {
  onmessage: ((event: { data: Call }) => void) | null;
  process?: { getBuiltinModule?: (name: string) => unknown };
};
const threads = scope.process?.getBuiltinModule?.("node:worker_threads") as { parentPort: Port | null } | undefined;
const port: Port = threads?.parentPort ?? scope;
const answer = serveCalls({ createRuntimeSync, createSessionSync }, (value, move) => port.postMessage(value, move));
if (port.on) port.on("message", answer);
else scope.onmessage = ({ data }) => answer(data);
