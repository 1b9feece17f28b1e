/** Sampling, and what may stand on a terminal. */

import { describe, expect, it } from "vitest";
import { printable, sample } from "../../src/cli/text.ts";

describe("a sample", () => {
  it("falls on each index as often as the softmax of the logits says", () => {
    const probabilities = [0.5, 0.125, 0.25, 0.125];
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 64; i++) counts[sample(probabilities.map(Math.log), 1, (i + 0.5) / 64)]++;
    expect(counts).toEqual([32, 8, 16, 8]);
  });

  it("is sharper at a lower temperature and the likeliest at 0", () => {
    const logits = [0, Math.log(2)]; // odds 1 : 2, at temperature ½ 1 : 4
    expect(sample(logits, 0.5, 0.19)).toBe(0);
    expect(sample(logits, 0.5, 0.21)).toBe(1);
    expect(sample(logits, 0, 0)).toBe(1);
  });

  it("is right for logits of any size, and for probabilities of 0", () => {
    expect(sample([1e30, -1e30], 0.1, 0.999)).toBe(0);
    expect(sample([-Infinity, 0], 1, 0)).toBe(1);
    expect(() => sample([NaN, NaN], 1, 0.5)).toThrow("expected numbers to sample from");
  });
});

describe("what is printed", () => {
  it("shows what is invisible, moves the cursor or turns the line around", () => {
    expect(printable("a\x1b[2J\r\u202eb\u2028é😀")).toBe("a\\u{1b}[2J\\u{d}\\u{202e}b\\u{2028}é😀");
  });
});
