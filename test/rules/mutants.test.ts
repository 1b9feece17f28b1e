/** The mutants keep up with the sources: `npm run test:mutants` takes twenty minutes, so what went stale is told here. */

import { existsSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { MUTANTS, staleMutants } from "../mutants/mutants.ts";

const root = new URL("../../", import.meta.url);

describe("mutants", () => {
  it("each finds its text in its file, once", () => {
    expect(staleMutants((file) => readFileSync(new URL(file, root), "utf8"))).toEqual([]);
  });

  it("each names tests that are there", () => {
    const tests = new Set(MUTANTS.flatMap(({ tests = [] }) => tests));
    expect([...tests].filter((test) => !existsSync(new URL(test, root)))).toEqual([]);
  });

  it("a name that stands twice, a text that is not there or stands twice, and no change are told", () => {
    const mutant = (name: string, find: string, replace = "c") => ({ name, file: "f", find, replace });
    const table = [
      mutant("sound", "b"),
      mutant("sound", "b"),
      mutant("gone", "d"),
      mutant("twice", "a"),
      mutant("same", "b", "b"),
    ];
    expect(staleMutants(() => "aba", table)).toEqual([
      "sound: there is another of this name",
      "gone: expected its text once in f; got 0",
      "twice: expected its text once in f; got 2",
      "same: it changes nothing",
    ]);
  });
});
