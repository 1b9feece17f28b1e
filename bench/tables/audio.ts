/** Amplifier models: one input, a GRU or LSTM and a linear head, a quantum of 128 samples in each call. */

import { expectedOf, rowsOf, running, STEPS, sessionsOf } from "../contestants.ts";
import { compare } from "../harness.ts";
import { nativeSample } from "../native.ts";
import type { Context, Row, Table } from "../report.ts";
import { AUDIO_SIZES, amplifier, modelOf } from "../shapes.ts";

const QUANTUM = 128;

async function measure({ quick, effort, limits }: Context): Promise<Table[]> {
  const rows: Row[] = [];
  for (const cell of ["gru", "lstm"] as const) {
    for (const size of AUDIO_SIZES.slice(0, quick ? 3 : undefined)) {
      const shape = amplifier(cell, size);
      const model = modelOf(shape);
      const expected = expectedOf(model, rowsOf(model, STEPS));
      const sessions = sessionsOf(model);
      const timings = await compare(
        sessions.map(([build, session]) => running(`${shape.name} ${build}`, model, session, expected, QUANTUM)),
        effort,
      );
      const native = cell === "gru" ? nativeSample(size, limits) : undefined;
      for (const [i, [build]] of sessions.entries()) {
        rows.push({
          model: shape.name,
          build,
          "µs per sample": timings[i],
          "% of a quantum at 48 kHz": timings[i].median * 4.8,
          "÷ native": native && timings[i].median / native,
          goal: native && "≤ 1.8",
          checksum: timings[i].checksum,
        });
      }
    }
  }
  return [{ title: `One input and output, \`run\` of ${QUANTUM} samples (native: RTNeural, scaled)`, rows }];
}

export const audio = { name: "audio", measure };
