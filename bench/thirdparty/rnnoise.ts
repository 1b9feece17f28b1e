/**
 * RNNoise's own WebAssembly: a frame of 480 samples through all of it, features, pitch filter and transforms besides the network.
 * Not the work that Sluice does beside it, which is the network alone; so no ratio is given as one of speed.
 *
 * @jitsi/rnnoise-wasm 0.2.1 holds the network of RNNoise 0.1 (87,503 parameters, int8), without SIMD; @shiguredo/rnnoise-wasm
 * 2025.1.5 holds the larger one of 0.2, with SIMD.
 */

import { readFileSync } from "node:fs";
import { expectedOf, rowsOf, STEPS, stepping } from "../contestants.ts";
import { type Contestant, compare, sluice } from "../harness.ts";
import type { Context, Row, Table } from "../report.ts";
import { modelOf, products, RNNOISE, uniform } from "../shapes.ts";

const FRAME = 480;
const FRAMES = 100;
/** µs of a frame at 48 kHz. */
const REAL_TIME = 10_000;

/** A tone in noise, as 16-bit samples, FRAMES of it. */
function signal(): Float32Array[] {
  const noise = uniform(5)(FRAME * FRAMES).map((x, i) => 2000 * x + 6000 * Math.sin(i / 30));
  return Array.from({ length: FRAMES }, (_, i) => noise.slice(i * FRAME, (i + 1) * FRAME));
}

/** Takes a frame, leaves the result in `y`. */
type Process = (x: Float32Array, y: Float32Array) => void;

/** There is no reference of a whole denoiser here: a fresh state is to give what another fresh state gave. */
function contestant(name: string, fresh: () => Process): Contestant {
  const frames = signal();
  const all = (process: Process) => {
    const y = new Float32Array(FRAME);
    return Float32Array.from(
      frames.flatMap((x) => {
        process(x, y);
        return [...y];
      }),
    );
  };
  const process = fresh();
  const y = new Float32Array(FRAME);
  let t = 0;
  const expected = all(fresh());
  if (!expected.some((sample) => Math.abs(sample) > 1)) throw new Error(`${name}: expected a signal; got silence`);
  return {
    name,
    steps: 1,
    expected,
    first: () => all(fresh()),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) {
        process(frames[t++ % FRAMES], y);
        sum += y[0];
      }
      return sum;
    },
  };
}

async function jitsi(): Promise<Contestant> {
  const file = import.meta.resolve("@jitsi/rnnoise-wasm/dist/rnnoise.js");
  const { default: create } = await import(file);
  const module = await create({ wasmBinary: readFileSync(new URL("rnnoise.wasm", file)), locateFile: String });
  return contestant("@jitsi/rnnoise-wasm: RNNoise 0.1, all of a frame", () => {
    const state = module._rnnoise_create(0);
    const at = module._malloc(FRAME * 4);
    return (x, y) => {
      module.HEAPF32.set(x, at / 4);
      module._rnnoise_process_frame(state, at, at);
      y.set(module.HEAPF32.subarray(at / 4, at / 4 + FRAME));
    };
  });
}

async function shiguredo(): Promise<Contestant> {
  const name = "@shiguredo/rnnoise-wasm";
  // Its loader asks whether there is a window, and needs none.
  const scope = globalThis as { window?: unknown };
  scope.window = globalThis;
  const { Rnnoise } = await import(name);
  const rnnoise = await Rnnoise.load();
  delete scope.window;
  return contestant(`${name}: RNNoise 0.2, all of a frame`, () => {
    const state = rnnoise.createDenoiseState();
    return (x, y) => {
      y.set(x);
      state.processFrame(y);
    };
  });
}

export async function rnnoise({ effort }: Context): Promise<Table[]> {
  const model = modelOf(RNNOISE);
  const session = sluice.createSessionSync(model);
  const expected = expectedOf(model, rowsOf(model, STEPS));
  const name = `sluice (${session.info.variant}): the network of RNNoise 0.1 alone, f32`;
  const sides = [stepping(name, model, session, expected), await jitsi(), await shiguredo()];
  const timings = await compare(sides, effort);
  const rows = sides.map((side, i): Row => {
    return {
      "what runs": side.name,
      "µs per frame": timings[i],
      "× real time": REAL_TIME / timings[i].median,
      "multiply-adds of the network": i === 0 ? products(RNNOISE) : undefined,
      checksum: timings[i].checksum,
    };
  });
  return [{ title: `RNNoise, a frame of ${FRAME} samples at 48 kHz: not the same work, as each line says`, rows }];
}
