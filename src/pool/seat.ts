/** One worker, of the web's kind or of Node's: what it says, and that it has ended. */

import { SessionError } from "../errors.ts";
import type { Reply, Request } from "./worker.ts";

export interface Seat {
  post(request: Request): void;
  /** Whether the process stays alive for it. */
  hold(busy: boolean): void;
  end(): void;
}

/** @param ended - once, when the worker has died of itself */
export function openSeat(heard: (reply: Reply) => void, ended: (reason: string) => void): Seat {
  if (typeof Worker === "function") {
    const worker = new Worker(new URL("./pool-worker.js", import.meta.url), { type: "module" });
    const die = (reason: string) => {
      worker.terminate();
      ended(reason);
    };
    worker.onmessage = ({ data }) => heard(data);
    worker.onerror = (event) => {
      event.preventDefault();
      die(event.message || "it did not start");
    };
    worker.onmessageerror = () => die("a message could not be read");
    // Deno and Bun tell when a worker closes itself.
    worker.addEventListener("close", () => die("it closed"));
    const { ref, unref } = worker as { ref?(): void; unref?(): void };
    return {
      post: (request) => worker.postMessage(request),
      hold: (busy) => (busy ? ref : unref)?.call(worker),
      end: () => worker.terminate(),
    };
  }
  const threads = globalThis.process?.getBuiltinModule?.("node:worker_threads");
  if (threads === undefined) throw new SessionError("ERR_WORKER", "pool: expected a host with workers; got none.");
  // Without the process's own arguments: loaders and --input-type are not for this file.
  const worker = new threads.Worker(new URL("./pool-worker.js", import.meta.url), { execArgv: [] });
  let reason = "";
  worker.on("message", heard);
  worker.on("error", (error) => {
    reason = error instanceof Error ? error.message : String(error);
  });
  worker.on("exit", (code) => ended(reason || `exit code ${code}`));
  return {
    post: (request) => worker.postMessage(request),
    hold: (busy) => (busy ? worker.ref() : worker.unref()),
    end: () => void worker.terminate(),
  };
}
