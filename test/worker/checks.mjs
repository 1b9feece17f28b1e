/**
 * What `sluice/worker` must do, as functions of a host: the same run in Node and in a page. Each gives what was got and what
 * was expected, both as JSON has them.
 *
 * A host has `core` (the exports of "sluice"), `worker` (those of "sluice/worker"), `bytes` (a native file: frames of 3 → GRU,
 * 9 → linear, 2), `dying(source)` (a worker that runs `source` at its first message) and `nowhere` (a URL without a file).
 */

const FRAMES = Float32Array.from({ length: 20 * 3 }, (_, i) => Math.sin(i * i));

const bits = (array) => Array.from(new Uint32Array(array.buffer, array.byteOffset, array.length));

/** A session there and here, and what `use` makes of them. */
async function both({ core, worker, bytes }, use) {
  const model = core.readModel(bytes);
  const there = await worker.createSession(model);
  const here = core.createSessionSync(model);
  try {
    return await use(there, here, model);
  } finally {
    there.dispose();
    here.dispose();
  }
}

/** What a promise is rejected with, as data. */
async function refusal(promise) {
  try {
    await promise;
    return "nothing";
  } catch (error) {
    const { name, code, message, hint, path, node, tensor } = error;
    return { name, code, message, hint, path, node, tensor, is: Object.getPrototypeOf(error).constructor.name };
  }
}

export const CHECKS = {
  "a session tells what it is": (host) =>
    both(host, (there, here) => {
      const told = ({ inputs, outputs, states, info }) => ({ inputs, outputs, states, info });
      return { got: told(there), expected: told(here) };
    }),

  "a stream gives the bits of one on the same thread": (host) =>
    both(host, async (there, here) => {
      const far = await there.stream();
      const near = here.stream();
      const got = [
        bits(await far.step(FRAMES.subarray(0, 3))),
        bits(await far.run(FRAMES)),
        bits((await far.state)["rnn.h"]),
      ];
      const expected = [bits(near.step(FRAMES.slice(0, 3))), bits(near.run(FRAMES)), bits(near.state["rnn.h"])];
      await far.reset();
      near.reset();
      got.push(bits(await far.step(FRAMES.subarray(0, 3))));
      expected.push(bits(near.step(FRAMES.subarray(0, 3))));
      return { got, expected };
    }),

  "state is saved, loaded, set and cloned across": (host) =>
    both(host, async (there, here) => {
      const far = await there.stream();
      await far.run(FRAMES);
      const saved = await far.save();
      const near = here.stream();
      near.load(saved);
      const twin = await far.clone();
      const loaded = await there.stream();
      await loaded.load(near.save());
      const set = await there.stream();
      await set.setState(near.state);
      const frame = FRAMES.subarray(0, 3);
      const expected = bits(near.step(frame));
      const got = await Promise.all([far, twin, loaded, set].map(async (one) => bits(await one.step(frame))));
      return { got, expected: [expected, expected, expected, expected] };
    }),

  "a traced stream shows its nodes": (host) =>
    both(host, async (there, here) => {
      const far = await there.stream({ trace: true });
      const near = here.stream({ trace: true });
      await far.run(FRAMES);
      near.run(FRAMES);
      const told = (trace) => [...trace].map(([name, { shape, data }]) => [name, shape, bits(data)]);
      return { got: told(await far.trace()), expected: told(near.trace()) };
    }),

  "over and transform go through a source": (host) =>
    both(host, async (there, here) => {
      const frames = Array.from({ length: 20 }, (_, t) => FRAMES.slice(t * 3, t * 3 + 3));
      const over = [];
      for await (const y of (await there.stream()).over(frames)) over.push(...bits(y));
      const source = new ReadableStream({
        start(controller) {
          for (const frame of frames) controller.enqueue(frame);
          controller.close();
        },
      });
      const transformed = [];
      const reader = source.pipeThrough(there.transform()).getReader();
      for (let { value, done } = await reader.read(); !done; { value, done } = await reader.read())
        transformed.push(...bits(value));
      const expected = bits(here.stream().run(FRAMES));
      return { got: [over, transformed], expected: [expected, expected] };
    }),

  "session.run gives outputs, lengths and states": (host) =>
    both(host, async (there, here) => {
      const xs = [FRAMES.slice(0, 15), FRAMES.slice(15, 21)];
      const told = ({ output, outputs, shape, lengths, state }) => [
        bits(output),
        Object.keys(outputs),
        shape,
        lengths,
        bits(state["rnn.h"]),
      ];
      return { got: told(await there.run(xs, { keep: "last" })), expected: told(here.run(xs, { keep: "last" })) };
    }),

  "a group advances some of its members": (host) =>
    both(host, async (there, here) => {
      const far = await there.group(3);
      const near = here.group(3);
      const rows = FRAMES.slice(0, 6);
      const got = [
        bits(await far.step(rows, undefined, Int32Array.of(2, 0))),
        bits(await far.run(FRAMES.slice(0, 18))),
      ];
      const expected = [bits(near.step(rows, undefined, Int32Array.of(2, 0))), bits(near.run(FRAMES.slice(0, 18)))];
      await far.reset(0);
      near.reset(0);
      await far.load(1, await far.save(2));
      near.load(1, near.save(2));
      await far.setState(2, await far.state(0));
      near.setState(2, near.state(0));
      for (let i = 0; i < 3; i++) {
        got.push(bits((await far.state(i))["rnn.h"]));
        expected.push(bits(near.state(i)["rnn.h"]));
      }
      return { got: [far.size, ...got], expected: [near.size, ...expected] };
    }),

  "warmup leaves streams as they are": (host) =>
    both(host, async (there, here) => {
      const far = await there.stream();
      await far.run(FRAMES);
      await there.warmup(3);
      const near = here.stream();
      near.run(FRAMES);
      return { got: bits((await far.state)["rnn.h"]), expected: bits(near.state["rnn.h"]) };
    }),

  "errors cross with class, code and hint": async (host) => {
    const { core, worker } = host;
    const refused = async (act) => refusal((async () => act())());
    return both(host, async (there, here, model) => {
      const far = await there.stream();
      const near = here.stream();
      const odd = { ...model, nodes: [{ ...model.nodes[0], op: "fourier" }, model.nodes[1]] };
      const deeds = [
        [() => worker.createSession(odd), () => core.createSessionSync(odd)],
        [
          () => worker.createSession(model, { variant: "fast" }),
          () => core.createSessionSync(model, { variant: "fast" }),
        ],
        [() => far.step(new Float32Array(4)), () => near.step(new Float32Array(4))],
        [() => far.step([1, 2, 3]), () => near.step([1, 2, 3])],
        [() => far.load(new Uint8Array(40)), () => near.load(new Uint8Array(40))],
        [() => far.trace(), () => near.trace()],
        [() => there.group(0), () => here.group(0)],
      ];
      const got = [];
      const expected = [];
      for (const [far, near] of deeds) {
        got.push(await refused(far));
        expected.push(await refused(near));
      }
      const classes = [
        core.ModelError,
        RangeError,
        RangeError,
        TypeError,
        core.FormatError,
        core.SessionError,
        RangeError,
      ];
      return {
        got,
        expected: expected.map((one, i) => ({ ...one, is: classes[i].name })),
      };
    });
  },

  "a call aborted before it starts never runs": (host) =>
    both(host, async (there, here) => {
      const far = await there.stream();
      const abort = new AbortController();
      const reason = new Error("changed my mind");
      const first = far.step(FRAMES.slice(0, 3));
      const second = refusal(far.step(FRAMES.slice(3, 6), undefined, { signal: abort.signal }));
      abort.abort(reason);
      const third = await refusal(far.step(FRAMES.slice(3, 6), undefined, { signal: abort.signal }));
      await first;
      const near = here.stream();
      near.step(FRAMES.slice(0, 3));
      return {
        got: [(await second).message, third.message, bits((await far.state)["rnn.h"])],
        expected: [reason.message, reason.message, bits(near.state["rnn.h"])],
      };
    }),

  "a call aborted while it runs is rejected at once, and the next one is served": (host) =>
    both(host, async (there, here) => {
      const far = await there.stream();
      const abort = new AbortController();
      const run = refusal(far.run(FRAMES, undefined, { signal: abort.signal }));
      abort.abort();
      const near = here.stream();
      near.run(FRAMES);
      return {
        got: [(await run).name, bits(await far.step(FRAMES.slice(0, 3)))],
        expected: ["AbortError", bits(near.step(FRAMES.slice(0, 3)))],
      };
    }),

  "what an aborted call has made is disposed of": async ({ core, worker, bytes }) => {
    const runtime = await worker.createRuntime({ variant: "simd" });
    const model = core.readModel(bytes);
    const session = await worker.createSession(model, { runtime });
    const stream = await session.stream();
    // Two pages of states and more.
    const make = [
      (options) => session.group(2000, options),
      (options) => session.stream({ trace: true, traceSteps: 5000, ...options }),
      (options) => stream.clone(options),
      (options) => worker.createSession(model, { runtime, maxSteps: 2000, ...options }),
    ];
    for (const one of make) (await one()).dispose();
    const before = await runtime.memoryBytes;
    const names = [];
    for (let i = 0; i < 40; i++) {
      const abort = new AbortController();
      const made = refusal(make[i % 4]({ signal: abort.signal }));
      // Sent, since nothing else waits; the answer comes later.
      await Promise.resolve();
      abort.abort();
      names.push((await made).name);
      await runtime.memoryBytes; // answered after it
    }
    const after = await runtime.memoryBytes;
    runtime.dispose();
    return { got: [names, after], expected: [Array(40).fill("AbortError"), before] };
  },

  "arrays are copied, and moved with transfer": (host) =>
    both(host, async (there, here) => {
      const far = await there.stream();
      const kept = FRAMES.slice();
      const moved = FRAMES.slice();
      await far.run(kept);
      await far.run(moved, undefined, { transfer: true });
      const y = new Float32Array(2);
      const back = await far.step(FRAMES.slice(0, 3), y);
      const near = here.stream();
      near.run(FRAMES);
      near.run(FRAMES);
      return {
        got: [kept.length, moved.length, y.length, bits(back)],
        expected: [60, 0, 0, bits(near.step(FRAMES.slice(0, 3)))],
      };
    }),

  "a model moves with transfer": async ({ core, worker, bytes }) => {
    const model = core.readModel(bytes.slice());
    const session = await worker.createSession(model, { transfer: true });
    const got = [[...model.tensors.values()].every(({ data }) => data.length === 0)];
    const { output } = await session.run(FRAMES);
    session.dispose();
    const expected = core.createSessionSync(core.readModel(bytes)).run(FRAMES).output;
    return { got: [...got, bits(output)], expected: [true, bits(expected)] };
  },

  "what cannot be sent is refused, and the next call is served": (host) =>
    both(host, async (there) => {
      const far = await there.stream();
      const { name } = await refusal(far.step(() => 1));
      return { got: [name, (await far.step(FRAMES.slice(0, 3))).length], expected: ["DataCloneError", 2] };
    }),

  "dispose rejects what waits, and what comes": (host) =>
    both(host, async (there) => {
      const far = await there.stream();
      const waiting = [far.run(FRAMES), far.run(FRAMES)].map(refusal);
      there.dispose();
      there.dispose();
      const got = [...(await Promise.all(waiting)), await refusal(far.step(FRAMES.slice(0, 3)))];
      return { got: got.map(({ is, code }) => `${is} ${code}`), expected: Array(3).fill("SessionError ERR_DISPOSED") };
    }),

  "a disposed stream is refused; its session goes on": (host) =>
    both(host, async (there) => {
      const far = await there.stream();
      const group = await there.group(2);
      far.dispose();
      far.dispose();
      group.dispose();
      const got = [await refusal(far.step(FRAMES.slice(0, 3))), await refusal(group.step(FRAMES.slice(0, 6)))];
      const { shape } = await there.run(FRAMES);
      return { got: [...got.map(({ code }) => code), shape], expected: ["ERR_DISPOSED", "ERR_DISPOSED", [20, 1, 2]] };
    }),

  "a runtime is one worker and one memory for several sessions": async ({ core, worker, bytes }) => {
    const runtime = await worker.createRuntime({ variant: "simd" });
    const model = core.readModel(bytes);
    const sessions = [await worker.createSession(model, { runtime }), await worker.createSession(model, { runtime })];
    const memory = await runtime.memoryBytes;
    sessions[0].dispose();
    const { output } = await sessions[1].run(FRAMES);
    const gone = await refusal(sessions[0].run(FRAMES));
    runtime.dispose();
    const ended = await refusal(sessions[1].run(FRAMES));
    const expected = core.createSessionSync(model, { variant: "simd" }).run(FRAMES).output;
    return {
      got: [runtime.variant, memory > 0, bits(output), gone.code, ended.code],
      expected: ["simd", true, bits(expected), "ERR_DISPOSED", "ERR_DISPOSED"],
    };
  },

  "the reference runs there too, alone and in a runtime": async ({ core, worker, bytes }) => {
    const model = core.readModel(bytes);
    const runtime = await worker.createRuntime({ variant: "reference" });
    const sessions = [
      await worker.createSession(model, { variant: "reference" }),
      await worker.createSession(model, { runtime }),
    ];
    const got = [runtime.variant, await runtime.memoryBytes];
    for (const session of sessions) got.push(session.info.precision, bits((await session.run(FRAMES)).output));
    sessions[0].dispose();
    runtime.dispose();
    const expected = bits(core.createSessionSync(model, { variant: "reference" }).run(FRAMES).output);
    return { got, expected: ["reference", 0, "f64", expected, "f64", expected] };
  },

  "kernels compiled here serve there": async ({ core, worker, bytes }) => {
    const model = core.readModel(bytes);
    const session = await worker.createSession(model, { wasm: await core.compileKernels({ variant: "simd" }) });
    const { output } = await session.run(FRAMES);
    session.dispose();
    const expected = core.createSessionSync(model, { variant: "simd" }).run(FRAMES).output;
    return { got: [session.info.variant, bits(output)], expected: ["simd", bits(expected)] };
  },

  "a worker that dies rejects everything that waits": async (host) => {
    const { core, worker, bytes } = host;
    const model = core.readModel(bytes);
    const died = [
      worker.createSession(model, { worker: host.dying("throw new Error('boom')") }),
      worker.createSession(model, { url: host.nowhere }),
      worker.createRuntime({ url: host.nowhere }),
    ];
    const got = await Promise.all(died.map(refusal));
    return {
      got: got.map(({ is, code, message, hint }) => [
        is,
        code,
        message.startsWith("worker: expected one that runs; got "),
        /policy/.test(hint),
      ]),
      expected: Array(3).fill(["SessionError", "ERR_WORKER", true, true]),
    };
  },
};

/** One check, by its name. */
export async function check(name, host) {
  return JSON.parse(JSON.stringify(await CHECKS[name](host)));
}
