/** Networks of real models (bench/shapes.ts says whose): a step, and how much faster than life it is. */

import { expectedOf, rowsOf, running, STEPS, sessionsOf, stepping } from "../contestants.ts";
import { compare } from "../harness.ts";
import type { Context, Row, Table } from "../report.ts";
import { MODELS, modelOf, products } from "../shapes.ts";

async function measure({ effort }: Context): Promise<Table[]> {
  const rows: Row[] = [];
  for (const shape of MODELS) {
    const model = modelOf(shape);
    const expected = expectedOf(model, rowsOf(model, STEPS));
    const sessions = sessionsOf(model);
    const timings = await compare(
      sessions.flatMap(([build, session]) => [
        stepping(`${shape.name}, step, ${build}`, model, session, expected),
        running(`${shape.name}, run, ${build}`, model, session, expected),
      ]),
      effort,
    );
    for (const [i, [build]] of sessions.entries()) {
      const step = timings[2 * i];
      rows.push({
        model: shape.name,
        build,
        "µs per step": step,
        [`µs per step of a run of ${STEPS}`]: timings[2 * i + 1],
        "GMAC/s of the step": products(shape) / step.median / 1e3,
        "× real time": shape.rate && 1e6 / (shape.rate * step.median),
        checksum: step.checksum,
      });
    }
  }
  return [{ title: "Networks of real models, random weights, one stream", rows }];
}

export const models = { name: "models", measure };
