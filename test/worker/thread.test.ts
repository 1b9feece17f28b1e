/** The worker's side without a worker: what it holds. */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, it } from "vitest";
import { createRuntimeSync, createSessionSync } from "../../src/index.ts";
import type { Answer } from "../../src/worker/messages.ts";
import { serveCalls } from "../../src/worker/thread.ts";
import { randomModel } from "../conformance/models.ts";

it("a session that is disposed of takes its model, streams and groups with it", async () => {
  const answers: Answer[] = [];
  const serve = serveCalls({ createRuntimeSync, createSessionSync }, (answer) => answers.push(answer));
  let id = 0;
  const call = (target: number, method: string, ...args: unknown[]): { readonly target: number } => {
    serve({ id: ++id, target, method, args });
    const answer = answers.pop() as Answer;
    if ("error" in answer) throw new Error(answer.error.message);
    return answer.value as { readonly target: number };
  };
  const runtime = call(0, "createRuntime", { variant: "simd" }).target;
  const opened = () => {
    const model = randomModel("thread", [{ type: "gru", name: "rnn", inputSize: 3, hiddenSize: 9 }]);
    const session = call(runtime, "createSession", model, {}).target;
    const stream = call(session, "session.stream", {}).target;
    const clone = call(stream, "stream.clone").target;
    const group = call(session, "session.group", 2).target;
    return { model: new WeakRef(model), session, parts: [stream, clone, group] };
  };
  const kept = opened();
  const ended = opened();
  call(ended.session, "dispose");
  await new Promise((resolve) => setTimeout(resolve));
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  expect(ended.model.deref()).toBeUndefined();
  expect(kept.model.deref()).toBeDefined();
  for (const part of ended.parts) expect(() => call(part, "stream.reset")).toThrow("disposed");
  for (const part of kept.parts) expect(() => call(part, "stream.reset")).not.toThrow();
});
