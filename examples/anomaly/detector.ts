/**
 * Readings of one sensor → how surprising each of them is, and alarms. All that it knows of the past is in `save()`'s bytes.
 *
 * A reading x becomes v = asinh((x − level) / scale): level and scale are exponential means of the readings before it and of
 * their distances from the level. The forecast, made one reading earlier, is a distribution of v. Surprise is −log₂ of the
 * probability of a reading at least as far out, on either side: 0 bits for the median, 10 for one reading in a thousand.
 * Loudness is the running mean of surprise over what is usual for the sensor. An alarm is loudness over a threshold, and over
 * all of late.
 */

import type { Session, Stream } from "sluice";
import { above, below, bits, mixture } from "./mixture.ts";

// As in train.py.
const WINDOW = 288;
const SMALLEST_SCALE = 1e-3;
const LIMIT = 10;

/** Bits. The surprise of what the forecast holds for impossible. */
const IMPOSSIBLE = 64;

// Chosen by choose.py on the series of the training, with their labels.
const SMOOTHING = 8; // readings
const USUAL = 1000; // readings that the usual surprise looks back over
const THRESHOLD = 2.5; // times the usual
const FORGETTING = 1000; // readings in which a past peak loses half its height
const QUIET = 288; // readings after an alarm in which there is no other
const WARM_UP = 150; // readings at the start without an alarm: level, scale and network get to know the sensor

const MAGIC = new TextEncoder().encode("anomaly1");
const FIELDS = ["count", "level", "scale", "surprise", "usual", "peak", "quiet"] as const;

export interface Score {
  /** Bits; 0 for the first reading, which nothing foretold. */
  readonly surprise: number;
  /** What an alarm goes by: the running mean of surprise over the usual surprise. */
  readonly loudness: number;
  readonly alarm: boolean;
  /** −log₂ of the density at v, which the training made small; 0 for the first reading. */
  readonly bits: number;
}

export class Detector {
  readonly #stream: Stream;
  readonly #v = new Float32Array(1);
  readonly #forecast: Float32Array;
  #past: Record<(typeof FIELDS)[number], number> = {
    count: 0,
    level: 0,
    scale: 0,
    surprise: 0,
    usual: 1,
    peak: 0,
    quiet: 0,
  };

  /** `session` may serve any number of detectors: each has a stream of its own. */
  constructor(session: Session) {
    this.#stream = session.stream();
    this.#forecast = new Float32Array(session.outputs[0].shape[0] as number);
  }

  /** How many readings it has seen. */
  get count(): number {
    return this.#past.count;
  }

  score(reading: number): Score {
    if (!Number.isFinite(reading)) throw new RangeError(`"reading" expected a finite number, got ${reading}`);
    const v = this.#normalised(reading);
    let surprise = 0;
    let cost = 0;
    if (this.#past.count > 0) {
      const forecast = mixture(this.#forecast);
      const outside = Math.min(2 * Math.min(above(forecast, v), below(forecast, v)), 1);
      surprise = Math.min(Math.log2(1 / outside), IMPOSSIBLE);
      cost = bits(forecast, v);
    }
    this.#v[0] = v;
    this.#stream.step(this.#v, this.#forecast);
    this.#learn(reading);
    return { surprise, ...this.#listen(surprise), bits: cost };
  }

  /** Little-endian: magic, the numbers of FIELDS as f64, the forecast as f32, the stream's own bytes. */
  save(): Uint8Array {
    const network = this.#stream.save();
    const numbers = MAGIC.length + 8 * FIELDS.length;
    const bytes = new Uint8Array(numbers + this.#forecast.byteLength + network.length);
    const view = new DataView(bytes.buffer);
    bytes.set(MAGIC);
    FIELDS.forEach((field, i) => {
      view.setFloat64(MAGIC.length + 8 * i, this.#past[field], true);
    });
    this.#forecast.forEach((number, i) => {
      view.setFloat32(numbers + 4 * i, number, true);
    });
    bytes.set(network, numbers + this.#forecast.byteLength);
    return bytes;
  }

  /** What follows is what would have followed where `bytes` were saved. Throws, and changes nothing, on other bytes. */
  load(bytes: Uint8Array): void {
    const numbers = MAGIC.length + 8 * FIELDS.length;
    const network = numbers + this.#forecast.byteLength;
    if (bytes.length < network || MAGIC.some((byte, i) => bytes[i] !== byte))
      throw new RangeError(`"bytes" expected what a detector saved, got ${bytes.length} other bytes`);
    this.#stream.load(bytes.slice(network));
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    FIELDS.forEach((field, i) => {
      this.#past[field] = view.getFloat64(MAGIC.length + 8 * i, true);
    });
    this.#forecast.forEach((_, i) => {
      this.#forecast[i] = view.getFloat32(numbers + 4 * i, true);
    });
  }

  /** Gives its stream's memory back to the session. */
  dispose(): void {
    this.#stream.dispose();
  }

  /** The reading in units of those before it. */
  #normalised(x: number): number {
    const { count, level, scale } = this.#past;
    const from = count === 0 ? x : level;
    const v = Math.asinh((x - from) / Math.max(scale, SMALLEST_SCALE * Math.abs(from), 1e-9));
    return Math.min(Math.max(v, -LIMIT), LIMIT);
  }

  #learn(x: number): void {
    const past = this.#past;
    if (past.count === 0) past.level = x;
    past.count++;
    const weight = Math.max(1 / WINDOW, 1 / past.count);
    past.scale += weight * (Math.abs(x - past.level) - past.scale);
    past.level += weight * (x - past.level);
  }

  #listen(surprise: number): Pick<Score, "loudness" | "alarm"> {
    const past = this.#past;
    past.surprise += (surprise - past.surprise) / SMOOTHING;
    const loudness = past.surprise / Math.max(past.usual, 1);
    past.usual += (surprise - past.usual) * Math.max(1 / USUAL, 1 / past.count);

    const alarm = loudness > Math.max(THRESHOLD, past.peak) && past.count > WARM_UP && past.quiet === 0;
    past.quiet = alarm ? QUIET : Math.max(past.quiet - 1, 0);
    past.peak = Math.max(past.peak * 0.5 ** (1 / FORGETTING), loudness);
    return { loudness, alarm };
  }
}
