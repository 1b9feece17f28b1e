/**
 * The worker's side: calls → sessions, streams and groups → answers. Objects have numbers, which the page's proxies hold. The
 * buffers of a result move to the page: none of them is linear memory.
 */

import type { StreamGroup } from "../group.ts";
import type { createRuntimeSync, createSessionSync, Model, SessionOptions } from "../index.ts";
import { SessionError } from "../index.ts";
import type { KernelBinary } from "../kernels.ts";
import type { State } from "../members.ts";
import type { Numbers, Output, StepInput } from "../ports.ts";
import type { Runtime } from "../runtime.ts";
import type { RunInput, RunOptions, Session } from "../session.ts";
import type { Stream, StreamOptions } from "../stream.ts";
import { type Answer, buffersOf, type Call, type Made, packError } from "./messages.ts";

/** What an entry brings: its kernels and operators. */
export interface Makers {
  readonly createRuntimeSync: typeof createRuntimeSync;
  readonly createSessionSync: typeof createSessionSync;
}

/** A runtime; `undefined` inside is the reference. */
interface HeldRuntime {
  readonly runtime: Runtime | undefined;
}

type Xs = Numbers & Record<string, Numbers>;
type Options = SessionOptions<KernelBinary>;

/** Answers calls; `post` sends an answer and moves its buffers. */
export function serveCalls(makers: Makers, post: (answer: Answer, move: ArrayBuffer[]) => void): (call: Call) => void {
  const held = new Map<number, { readonly object: unknown; readonly session: number }>();
  let last = 0;
  /** `session`: the one that a stream or group is of. */
  const hold = (object: unknown, session = 0): Made => {
    held.set(++last, { object, session });
    return { target: last };
  };
  const release = (target: number) => {
    (held.get(target)?.object as { dispose?(): void } | undefined)?.dispose?.();
    held.delete(target);
    // A session takes its streams and groups with it.
    for (const [number, { session }] of held) if (session === target) held.delete(number);
  };
  /** Object number n, by the kind that its proxy is of. */
  const at = <T>(target: number): T => {
    const one = held.get(target);
    if (one === undefined)
      throw new SessionError("ERR_DISPOSED", "session, stream or group: expected a live one; it is disposed.");
    return one.object as T;
  };

  const methods: Readonly<Record<string, (target: number, ...args: never[]) => unknown>> = {
    createRuntime: (_, options: Options) => {
      const runtime = makers.createRuntimeSync(options);
      return { ...hold({ runtime }), variant: runtime?.variant ?? "reference" };
    },
    createSession: (runtime, model: Model, options: Options) => {
      const shared = runtime === 0 ? undefined : at<HeldRuntime>(runtime).runtime;
      const reference = runtime !== 0 && shared === undefined;
      const session = makers.createSessionSync(
        model,
        reference ? { ...options, variant: "reference" } : { ...options, runtime: shared },
      );
      return { ...hold(session), info: session.info };
    },
    memoryBytes: (target) => at<HeldRuntime>(target).runtime?.memoryBytes ?? 0,
    dispose: (target) => release(target),

    "session.run": (target, xs: RunInput, options: RunOptions) => at<Session>(target).run(xs, options),
    "session.stream": (target, options: StreamOptions) => hold(at<Session>(target).stream(options), target),
    "session.group": (target, n: number) => hold(at<Session>(target).group(n), target),
    "session.warmup": (target, n?: number) => at<Session>(target).warmup(n),

    "stream.step": (target, x: StepInput, y?: Output) => at<Stream>(target).step(x, y),
    "stream.run": (target, xs: Xs, ys?: Float32Array) => at<Stream>(target).run(xs, ys),
    "stream.reset": (target) => at<Stream>(target).reset(),
    "stream.state": (target) => at<Stream>(target).state,
    "stream.setState": (target, state: State) => at<Stream>(target).setState(state),
    "stream.save": (target, into?: Uint8Array) => at<Stream>(target).save(into),
    "stream.load": (target, bytes: Uint8Array) => at<Stream>(target).load(bytes),
    "stream.clone": (target) => hold(at<Stream>(target).clone(), held.get(target)?.session),
    "stream.trace": (target) => at<Stream>(target).trace(),

    "group.step": (target, xs: Xs, ys?: Float32Array, members?: Int32Array) =>
      at<StreamGroup>(target).step(xs, ys, members),
    "group.run": (target, xs: Xs, ys?: Float32Array) => at<StreamGroup>(target).run(xs, ys),
    "group.reset": (target, i?: number) => at<StreamGroup>(target).reset(i),
    "group.state": (target, i: number) => at<StreamGroup>(target).state(i),
    "group.setState": (target, i: number, state: State) => at<StreamGroup>(target).setState(i, state),
    "group.save": (target, i: number, into?: Uint8Array) => at<StreamGroup>(target).save(i, into),
    "group.load": (target, i: number, bytes: Uint8Array) => at<StreamGroup>(target).load(i, bytes),
  };

  return ({ id, target, method, args }) => {
    try {
      const value = methods[method](target, ...(args as never[]));
      post({ id, value }, [...buffersOf(value)]);
    } catch (error) {
      post({ id, error: packError(error) }, []);
    }
  };
}
