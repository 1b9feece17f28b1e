/** A seed and a number → a random model: a graph of fixed shapes, or layers along a free axis. */

import { Builder, type Drawn, Random, type Value } from "./builder.ts";
import { drawStream, recurrent, type Streamed, writtenOut } from "./cells.ts";
import { OPERATORS } from "./operators.ts";

/** Where attributes became inputs, or meanings changed. */
const OPSETS = [8, 9, 10, 11, 12, 13, 14, 15, 17, 18, 19, 20, 21, 22] as const;

const ROWS = [...Object.values(OPERATORS), recurrent, recurrent, recurrent, writtenOut, writtenOut];

export interface RandomGraph {
  readonly kind: "graph";
  readonly builder: Builder;
  readonly outputs: readonly Value[];
  readonly drawn: Drawn;
}

export interface RandomStream {
  readonly kind: "stream";
  readonly drawn: Streamed;
}

/** One of three is a stream. */
export function drawModel(seed: number, number: number): RandomGraph | RandomStream {
  const random = new Random(Math.imul(seed, 0x9e3779b9) + number);
  for (;;) {
    const builder = new Builder(random, random.of(OPSETS));
    if (number % 3 === 0) {
      const drawn = drawStream(builder);
      if (drawn) return { kind: "stream", drawn };
      continue;
    }
    for (let i = random.int(1, 8); i > 0; i--) random.of(ROWS)(builder);
    const read = new Set(builder.nodes.flatMap(({ inputs }) => inputs));
    const made = new Set(builder.nodes.flatMap(({ outputs }) => outputs));
    const outputs = builder.values.filter(({ name }) => made.has(name) && (!read.has(name) || random.chance(0.2)));
    const drawn = outputs.length > 0 ? builder.draw(outputs) : undefined;
    if (drawn) return { kind: "graph", builder, outputs, drawn };
  }
}
