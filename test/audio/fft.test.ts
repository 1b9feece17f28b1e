import { describe, expect, it } from "vitest";
import { RealFft } from "../../src/audio.ts";
import { distance, get, noise, readVectors } from "./vectors.ts";

const vectors = readVectors("fft");
const sizes = [...vectors.keys()].filter((key) => key.startsWith("x")).map((key) => Number(key.slice(1)));

describe("RealFft", () => {
  it.each(sizes)("of %i samples is numpy.fft.rfft", (size) => {
    const fft = new RealFft(size);
    const x = get(vectors, `x${size}`);
    const spectrum = fft.forward(x, new Float64Array(fft.spectrumLength));
    expect(distance(spectrum, get(vectors, `X${size}`))).toBeLessThan(2e-13);
    expect(distance(fft.inverse(spectrum, new Float64Array(size)), x)).toBeLessThan(5e-15);
  });

  it.each(sizes.filter((size) => vectors.has(`S${size}`)))("of %i samples has numpy.fft.irfft as inverse", (size) => {
    const x = new RealFft(size).inverse(get(vectors, `S${size}`), new Float64Array(size));
    expect(distance(x, get(vectors, `s${size}`))).toBeLessThan(5e-15);
  });

  it("has vectors of the sizes of real models", () => {
    expect(sizes).toEqual(expect.arrayContaining([320, 400, 480, 512, 960]));
  });

  it("rounds to f32 when it writes, and leaves its input as it was", () => {
    const x = Float32Array.from(noise(480));
    const kept = x.slice();
    const fft = new RealFft(480);
    const exact = fft.forward(x, new Float64Array(482));
    const single = fft.forward(x, new Float32Array(482));
    expect(x).toEqual(kept);
    expect(single).toEqual(Float32Array.from(exact));
    expect(fft.inverse(single, new Float32Array(480)).length).toBe(480);
    expect(single).toEqual(Float32Array.from(exact));
  });

  it("works in place, and again and again", () => {
    const fft = new RealFft(36);
    const memory = new Float64Array(38);
    const x = noise(36);
    const expected = fft.forward(x, new Float64Array(38));
    memory.set(x);
    fft.forward(memory.subarray(0, 36), memory);
    expect(memory).toEqual(expected);
    fft.inverse(memory, memory.subarray(0, 36));
    expect(distance(memory.subarray(0, 36), x)).toBeLessThan(1e-15);
  });

  it("keeps the energy at its largest usual size", () => {
    const x = noise(65536);
    const fft = new RealFft(x.length);
    const spectrum = fft.forward(x, new Float64Array(fft.spectrumLength));
    let energy = (spectrum[0] ** 2 + spectrum[x.length] ** 2) / 2;
    for (let k = 2; k < x.length; k++) energy += spectrum[k] ** 2;
    const sum = x.reduce((total, sample) => total + sample * sample, 0);
    expect((2 * energy) / x.length / sum).toBeCloseTo(1, 12);
  });

  it.each([14, 7, 9, 22, 3])("refuses the size %i", (size) => {
    expect(() => new RealFft(size)).toThrow(
      `"size" expected an even number whose half has no prime factor but 2, 3, 5; got ${size}`,
    );
  });

  it.each([0, 1, 2.5, 2 ** 20 + 2, Number.NaN])("refuses the size %d", (size) => {
    expect(() => new RealFft(size)).toThrow(`"size" expected an integer from 2 to 1048576, got ${size}`);
  });

  it("refuses what are no samples, and other lengths", () => {
    const fft = new RealFft(8);
    expect(() => new RealFft("8" as never)).toThrow('"size" expected a number, got string');
    expect(() => fft.forward([1] as never, new Float64Array(10))).toThrow(
      '"x" expected Float32Array or Float64Array, got Array',
    );
    expect(() => fft.forward(null as never, new Float64Array(10))).toThrow("Float64Array, got null");
    expect(() => fft.forward(new Float64Array(8), new Float64Array(8))).toThrow('"spectrum" expected length 10, got 8');
    expect(() => fft.inverse(new Float64Array(8), new Float64Array(8))).toThrow('"spectrum" expected length 10, got 8');
    expect(() => fft.inverse(new Float64Array(10), new Float64Array(9))).toThrow('"x" expected length 8, got 9');
  });
});
