/** Linear memory of real models by region, and a process that holds very many streams (bench/streams.ts). */

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { sluice } from "../harness.ts";
import type { Context, Row, Table } from "../report.ts";
import { amplifier, MODELS, modelOf, products, square } from "../shapes.ts";

const STREAMS = fileURLToPath(new URL("../streams.ts", import.meta.url));

async function measure({ quick }: Context): Promise<Table[]> {
  const rows = [...MODELS, amplifier("gru", 40), square("gru", 256)].map((shape): Row => {
    const session = sluice.createSessionSync(modelOf(shape));
    const { weights, programs, io, scratch, statePerStream } = session.info.bytes;
    session.dispose();
    return {
      model: shape.name,
      "multiply-adds of a step": products(shape),
      "bytes: weights": weights,
      programs,
      io,
      scratch,
      "each stream": statePerStream,
    };
  });
  const count = quick ? 10_000 : 1_000_000;
  const text = execFileSync(process.execPath, [...process.execArgv, STREAMS, `${count}`], { encoding: "utf8" });
  return [
    { title: "Linear memory, bytes", rows },
    { title: `${count.toLocaleString("en")} streams of GRU 8→32 in one group`, rows: JSON.parse(text) },
  ];
}

export const memory = { name: "memory", measure };
