/**
 * Silence after sound: states of layers without bias decay. As subnormal numbers, which many processors multiply slowly, they
 * would stay for hundreds of steps and each take up to twice its time; the kernels keep them above that. Only the keep
 * gates (GRU z, LSTM f) have a bias, as trained ones have, so that a state takes long to fade.
 */

import type { Model, Session } from "../../src/index.ts";
import { expectedOf, rowsOf, STEPS, sessionsOf } from "../contestants.ts";
import { type Contestant, compare } from "../harness.ts";
import type { Context, Row, Table } from "../report.ts";
import { type Cell, modelOf, recurrent, uniform } from "../shapes.ts";

const QUANTUM = 128;
const SIZES = [16, 40, 128];
/** Bias of the keep gate: with a larger one an LSTM of random weights does not fade. */
const KEEP = { gru: 3, lstm: 1 };
/** Kernels that keep subnormal numbers pass it on the way down. */
const FADED = 1e-28;
/** Times 16 steps of zeros after which a state must have faded. */
const LONGEST = 200;

/** One input; biases zero, but for the keep gate. */
function decaying(cell: Cell, size: number): Model {
  const model = modelOf({ name: "decaying", parts: [recurrent(cell, "rnn", 1, size)] });
  for (const name of ["rnn.bias_ih_l0", "rnn.bias_hh_l0"]) {
    const data = model.tensors.get(name)?.data as Float32Array;
    data.fill(0);
    // Gate 1: z of r, z, n; f of i, f, g, o.
    if (name === "rnn.bias_ih_l0") data.fill(KEEP[cell], size, 2 * size);
  }
  return model;
}

/** Quanta of `xs` from the state at `from` on, which every turn takes up again. */
function quanta(name: string, session: Session, from: Uint8Array, xs: Float32Array, checked: Checked): Contestant {
  const stream = session.stream();
  const ys = new Float32Array(xs.length * checked.hiddenSize);
  return {
    name,
    steps: QUANTUM,
    expected: checked.expected,
    first: () => session.stream().run(checked.xs),
    run(turns) {
      let sum = 0;
      for (let i = 0; i < turns; i++) {
        stream.load(from);
        sum += stream.run(xs, ys)[ys.length - 1];
      }
      return sum;
    },
  };
}

interface Checked {
  readonly hiddenSize: number;
  readonly xs: Float32Array;
  readonly expected: Float32Array;
}

const hasFaded = (x: number) => Math.abs(x) < FADED;

async function measure({ quick, effort }: Context): Promise<Table[]> {
  const rows: Row[] = [];
  for (const cell of ["gru", "lstm"] as const) {
    for (const size of SIZES.slice(0, quick ? 1 : undefined)) {
      const model = decaying(cell, size);
      const xs = rowsOf(model, STEPS) as Float32Array;
      const checked = { hiddenSize: size, xs, expected: expectedOf(model, xs) };
      const burst = uniform(7)(QUANTUM);
      const zeros = new Float32Array(QUANTUM);
      for (const [build, session] of sessionsOf(model)) {
        const stream = session.stream();
        stream.run(burst);
        const loud = stream.save();
        let faded = 0;
        for (let i = 0; i < LONGEST && faded < size / 2; i++) {
          stream.run(zeros.subarray(0, 16));
          faded = stream.state["rnn.h"].filter(hasFaded).length;
        }
        if (faded === 0) throw new Error(`${cell} ${size}: expected the state to fade`);
        const quiet = stream.save();
        const [sound, silence] = await compare(
          [
            quanta(`${cell} ${size} ${build}, sound`, session, loud, burst, checked),
            quanta(`${cell} ${size} ${build}, silence`, session, quiet, zeros, checked),
          ],
          effort,
        );
        rows.push({
          model: `${cell.toUpperCase()} 1→${size}`,
          build,
          "sound, µs per step": sound,
          "silence after sound, µs per step": silence,
          "silence ÷ sound": silence.median / sound.median,
          "faded states": `${faded} of ${size}`,
          checksum: sound.checksum,
        });
      }
    }
  }
  return [{ title: `Silence after sound: ${QUANTUM} samples from a state that has faded`, rows }];
}

export const silence = { name: "silence", measure };
