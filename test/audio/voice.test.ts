/** Silero VAD, which knows 16 kHz, over a source of 48 kHz: the segments that it finds in the recording at 16 kHz. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Framer, Resampler, readWav, resample } from "../../src/audio.ts";
import { createSessionSync, readModel } from "../../src/onnx.ts";
import { NO_VECTORS, VECTORS } from "../vectors.ts";

const FOLDER = VECTORS && join(VECTORS, "models", "silero-vad");
const HOP = 512;

describe.skipIf(!FOLDER)(`Silero VAD${FOLDER ? "" : ` (${NO_VECTORS})`}`, () => {
  it("finds in 48 kHz the segments that it finds in 16 kHz, to a frame", { timeout: 120_000 }, () => {
    const read = (name: string) => new Uint8Array(readFileSync(join(FOLDER as string, name)));
    const model = readModel(read("silero_vad.onnx"), { shapes: { input: [1, 576] }, constants: { sr: 16000 } });
    const session = createSessionSync(model);
    const x = readWav(read("test.wav")).channels[0];

    /** First and last frame of each segment. */
    const segments = (write: (framer: Framer, read: () => void) => void): [number, number][] => {
      const stream = session.stream();
      const framer = new Framer({ frame: HOP, context: 64 });
      const frame = new Float32Array(framer.frameLength);
      const y = new Float32Array(1);
      const found: [number, number][] = [];
      let speaking = false;
      let count = 0;
      write(framer, () => {
        for (; framer.read(frame); count++) {
          stream.step(frame, y);
          if (!speaking && y[0] >= 0.5) found.push([count, count]);
          speaking = y[0] >= (speaking ? 0.35 : 0.5);
          if (speaking) found[found.length - 1][1] = count;
        }
      });
      stream.dispose();
      expect(count).toBe(Math.floor(x.length / HOP));
      return found.filter(([from, to]) => to - from > 5);
    };

    const direct = segments((framer, read) => {
      for (let at = 0; at < x.length; at += HOP) {
        framer.write(x.subarray(at, at + HOP));
        read();
      }
    });
    // As a microphone gives it: quanta of 128 samples.
    const source = resample(x, { from: 16000, to: 48000 });
    const resampled = segments((framer, read) => {
      const resampler = new Resampler({ from: 48000, to: 16000 });
      const piece = new Float32Array(resampler.maxOutput(128));
      let late = resampler.latencySamples;
      let left = x.length;
      for (let at = 0; left > 0; at += 128) {
        const quantum = new Float32Array(128);
        quantum.set(source.subarray(at, at + 128));
        const count = resampler.step(quantum, piece);
        const dropped = Math.min(late, count);
        late -= dropped;
        const taken = Math.min(left, count - dropped);
        framer.write(piece.subarray(dropped, dropped + taken));
        left -= taken;
        read();
      }
    });
    session.dispose();
    expect(direct.length).toBeGreaterThan(10);
    expect(resampled.length).toBe(direct.length);
    for (const [i, [from, to]] of direct.entries()) {
      expect(Math.abs(resampled[i][0] - from), `segment ${i}`).toBeLessThanOrEqual(1);
      expect(Math.abs(resampled[i][1] - to), `segment ${i}`).toBeLessThanOrEqual(1);
    }
  });
});
