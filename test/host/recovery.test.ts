import { describe, expect, it } from "vitest";
import { createRuntimeSync, createSessionSync, modelFromLayers, type Runtime, type Tensor } from "../../src/index.ts";

function gru(I: number, H: number, directions: ("" | "_reverse")[] = [""]) {
  let seed = 1;
  const tensors = new Map<string, Tensor>();
  for (const suffix of directions) {
    const shapes = { weight_ih_l0: [3 * H, I], weight_hh_l0: [3 * H, H], bias_ih_l0: [3 * H], bias_hh_l0: [3 * H] };
    for (const [key, shape] of Object.entries(shapes)) {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => 0.3 * Math.sin(seed++));
      tensors.set(key + suffix, { name: key + suffix, dtype: "F32", shape, data });
    }
  }
  return modelFromLayers([{ type: "gru", bidirectional: directions.length > 1 }], tensors);
}

const runtimeOf = () => createRuntimeSync({ variant: "simd" }) as Runtime;

describe("when memory cannot grow", () => {
  it("a run that needs too much leaves the session and its neighbours as they were", () => {
    const runtime = runtimeOf();
    const a = createSessionSync(gru(1, 64, ["", "_reverse"]), { runtime });
    const x = Float32Array.from({ length: 9 }, (_, t) => Math.cos(t));
    const before = a.run(x).output;
    // Its buffers would pass 2³² bytes, which no engine gives.
    expect(() => a.run(new Float32Array(4e6))).toThrow(expect.objectContaining({ code: "ERR_MEMORY" }));
    const b = createSessionSync(gru(3, 5), { runtime });
    const y = b.stream().step(new Float32Array(3).fill(1));
    expect(a.run(x).output).toEqual(before);
    expect(b.stream().step(new Float32Array(3).fill(1))).toEqual(y);
    a.dispose();
    b.dispose();
    const c = createSessionSync(gru(3, 5), { runtime });
    const d = createSessionSync(gru(3, 5), { runtime });
    const one = c.stream();
    d.stream().step(new Float32Array(3).fill(7));
    expect(one.step(new Float32Array(3).fill(1))).toEqual(y);
  });

  it("a session that cannot be made gives back what it took", () => {
    const runtime = runtimeOf();
    const make = () => createSessionSync(gru(64, 64), { runtime, maxSteps: 4e6 });
    expect(make).toThrow(expect.objectContaining({ code: "ERR_MEMORY" }));
    const after = runtime.memoryBytes;
    for (let i = 0; i < 5; i++) expect(make).toThrow(expect.objectContaining({ code: "ERR_MEMORY" }));
    expect(runtime.memoryBytes).toBe(after);
  });

  it.each(["simd", "reference"] as const)(
    "a group of more members than there is room for is refused by %s",
    (variant) => {
      const session = createSessionSync(gru(1, 1), { variant });
      expect(() => session.group(2 ** 31)).toThrow(expect.objectContaining({ code: "ERR_MEMORY" }));
      expect(session.stream().step(new Float32Array(1))).toHaveLength(1);
    },
  );
});

describe("saved state", () => {
  it("resumes from a Buffer, which is a piece of a pool, and from any offset", () => {
    const session = createSessionSync(gru(3, 5));
    const stream = session.stream();
    stream.step(new Float32Array(3).fill(1));
    const saved = stream.save();
    const pool = new Uint8Array(saved.length + 3);
    pool.set(saved, 3);
    for (const bytes of [Buffer.from(saved), pool.subarray(3)]) {
      const resumed = session.stream();
      resumed.load(bytes);
      expect(resumed.state).toEqual(stream.state);
    }
  });
});

describe("session.run", () => {
  it("takes more sequences than a call has arguments", () => {
    const sequences = new Array<Float32Array>(150_000).fill(new Float32Array(1));
    const { lengths, output } = createSessionSync(gru(1, 1)).run(sequences, { keep: "last" });
    expect(lengths.length).toBe(150_000);
    expect(output[149_999]).toBe(output[0]);
  });
});

describe("session.transform", () => {
  it("gives its stream back when a chunk is refused", async () => {
    const runtime = runtimeOf();
    const session = createSessionSync(gru(3, 256), { runtime });
    const refuse = async () => {
      const { readable, writable } = session.transform();
      const reading = readable.getReader().read();
      await expect(writable.getWriter().write(new Float32Array(4))).rejects.toThrow(RangeError);
      await expect(reading).rejects.toThrow(RangeError);
    };
    await refuse();
    const after = runtime.memoryBytes;
    for (let i = 0; i < 300; i++) await refuse();
    expect(runtime.memoryBytes).toBe(after);
  });
});
