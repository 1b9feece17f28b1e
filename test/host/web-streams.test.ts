import { describe, expect, it } from "vitest";
import type { Tensor } from "../../src/index.ts";
import { createSessionSync, modelFromLayers } from "../../src/index.ts";

const H = 5;
const I = 3;

/** A GRU whose weights are different everywhere. */
function gru() {
  let seed = 1;
  const numbers = (length: number) => Float32Array.from({ length }, () => Math.sin(seed++));
  const tensors = new Map<string, Tensor>();
  for (const [name, shape] of Object.entries({
    weight_ih_l0: [3 * H, I],
    weight_hh_l0: [3 * H, H],
    bias_ih_l0: [3 * H],
    bias_hh_l0: [3 * H],
  })) {
    const data = numbers(shape.reduce((a, b) => a * b));
    tensors.set(name, { name, dtype: "F32", shape, data });
  }
  return createSessionSync(modelFromLayers([{ type: "gru" }], tensors));
}

const frames = Array.from({ length: 7 }, (_, t) => Float32Array.from({ length: I }, (_, i) => Math.cos(t * I + i)));

function stepped(): number[] {
  const stream = gru().stream();
  return frames.flatMap((frame) => [...stream.step(frame)]);
}

async function* source() {
  for (const frame of frames) yield frame;
}

describe("stream.over", () => {
  it("gives the outputs of as many steps", async () => {
    const outputs: number[] = [];
    for await (const y of gru().stream().over(source())) outputs.push(...(y as Float32Array));
    expect(outputs).toEqual(stepped());
  });

  it("ends with the signal's reason, and the state stays at the last frame that was taken", async () => {
    const stream = gru().stream();
    const controller = new AbortController();
    const outputs: number[] = [];
    const reading = (async () => {
      for await (const y of stream.over(source(), { signal: controller.signal })) {
        outputs.push(...(y as Float32Array));
        if (outputs.length === 2 * H) controller.abort(new Error("enough"));
      }
    })();
    await expect(reading).rejects.toThrow("enough");
    expect([...stream.state.h]).toEqual(outputs.slice(H));
  });
});

describe("a signal of stream.over", () => {
  const silent = (ended: () => void) => ({
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise<IteratorResult<Float32Array>>(() => {}),
      return: async () => {
        ended();
        return { done: true as const, value: undefined };
      },
    }),
  });

  it("ends it while the source is silent, and tells the source", async () => {
    let told = 0;
    const controller = new AbortController();
    const reading = gru().stream().over(silent(() => told++), { signal: controller.signal }).next(); // biome-ignore format: one thing
    controller.abort(new Error("enough"));
    await expect(reading).rejects.toThrow("enough");
    expect(told).toBe(1);
  });

  it("that has ended before is heard before the source is asked", async () => {
    const asked = { *[Symbol.iterator]() {} };
    const signal = AbortSignal.abort(new Error("over"));
    await expect(gru().stream().over(asked, { signal }).next()).rejects.toThrow("over");
  });

  it("whoever stops early has the source told, of a list too", async () => {
    let told = 0;
    const list = {
      *[Symbol.iterator]() {
        try {
          yield* frames;
        } finally {
          told++;
        }
      },
    };
    for await (const y of gru().stream().over(list)) {
      expect(y).toHaveLength(H);
      break;
    }
    expect(told).toBe(1);
  });
});

describe("session.transform", () => {
  it("turns a chunk of k frames into a chunk of k outputs", async () => {
    const session = gru();
    const { readable, writable } = session.transform();
    const writer = writable.getWriter();
    const all = Float32Array.from(frames.flatMap((frame) => [...frame]));
    const write = async () => {
      await writer.write(all.subarray(0, 2 * I));
      await writer.write(all.subarray(2 * I));
      await writer.close();
    };
    const read = async () => {
      const chunks: Float32Array[] = [];
      const reader = readable.getReader();
      for (let one = await reader.read(); !one.done; one = await reader.read()) chunks.push(one.value);
      return chunks;
    };
    const [, chunks] = await Promise.all([write(), read()]);
    expect(chunks.map(({ length }) => length)).toEqual([2 * H, 5 * H]);
    expect(chunks.flatMap((chunk) => [...chunk])).toEqual(stepped());
  });

  it("refuses a chunk that is no whole number of frames", async () => {
    const { readable, writable } = gru().transform();
    const reading = readable.getReader().read();
    await expect(writable.getWriter().write(new Float32Array(4))).rejects.toThrow('"input" expected length 3, got 4');
    await expect(reading).rejects.toThrow(RangeError);
  });
});

describe("session.warmup", () => {
  it("leaves streams as they were", () => {
    const session = gru();
    const stream = session.stream();
    stream.step(frames[0]);
    const before = stream.state.h;
    session.warmup(10);
    expect(stream.state.h).toEqual(before);
  });
});
