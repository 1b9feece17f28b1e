/** The script of a worker of the web or of node:worker_threads, over an entry's makers of sessions. */

import type { Answer, Call } from "./messages.ts";
import { type Makers, serveCalls } from "./thread.ts";

interface Port {
  postMessage(answer: Answer, move: ArrayBuffer[]): void;
  on?(name: "message", listener: (call: Call) => void): void;
}

export function startThread(makers: Makers): void {
  const scope = globalThis as unknown as Port & {
    onmessage: ((event: { data: Call }) => void) | null;
    process?: { getBuiltinModule?: (name: string) => unknown };
  };
  const threads = scope.process?.getBuiltinModule?.("node:worker_threads") as { parentPort: Port | null } | undefined;
  const port: Port = threads?.parentPort ?? scope;
  const answer = serveCalls(makers, (value, move) => port.postMessage(value, move));
  if (port.on) port.on("message", answer);
  else scope.onmessage = ({ data }) => answer(data);
}
