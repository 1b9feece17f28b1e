/** A model that does not give what training saved → the change, or the two, with which it does. */

import {
  createRuntimeSync,
  createSessionSync,
  type LayerSpec,
  type Model,
  ModelError,
  type SessionOptions,
} from "../all.ts";
import { isSequenceModel } from "./columns.ts";
import { cut, type Gap, gapsOf, sizeOfGap, worstOf } from "./compare.ts";
import { type Change, changesOf } from "./confusions.ts";
import type { Expected } from "./expected.ts";

/** The same change of one layer, or of all layers of its kind; or another reading of the saved arrays. */
export interface Candidate {
  readonly idea: string;
  /** Names of the layers; none for what is said of the arrays or the whole model. */
  readonly nodes: readonly string[];
  /** Of these layers: names alone do not tell, since several may have none. */
  readonly ops: readonly string[];
  readonly what: string;
  readonly spec?: Change["spec"];
  /** A layer more, at the end. */
  readonly layer?: LayerSpec;
  /** The arrays are read with the other order of time and batch. */
  readonly turned?: true;
  apply(model: Model): Model | undefined;
}

export interface Fit {
  readonly changes: readonly Candidate[];
  readonly model: Model;
  readonly gaps: readonly Gap[];
}

export interface Found {
  /** The arrays cannot tell them apart. Empty where nothing fits. */
  readonly fits: readonly Fit[];
  /** Changes and pairs of them that were. */
  readonly tried: number;
  /** Pairs that were not. */
  readonly left: number;
}

interface Search {
  readonly model: Model;
  /** Absent where the arrays do not fit as they are said to stand. */
  readonly expected?: Expected;
  /** The arrays with the other order of time and batch, where they can be read so. */
  readonly turned?: Expected;
  readonly tolerance: number;
  readonly variant: SessionOptions["variant"];
}

/** Steps and sequences that decide whether a change is looked at further. */
const TRIAL_STEPS = 32;
const TRIAL_BATCH = 4;

/** Pairs that are tried, and parameters that are packed for them: a minute at the most. */
const MOST_PAIRS = 4000;
const MOST_PARAMETERS = 4e9;

export function findFits(search: Search): Found {
  const { model, expected, turned, tolerance, variant } = search;
  // A candidate of another size must not leave memory behind: all share one.
  const runtime = createRuntimeSync({ variant });
  const trials = new Map([expected, turned].flatMap((one) => (one ? [[one, trialOf(model, one)]] : [])));
  const differs = (changed: Model, one: Expected): readonly Gap[] | undefined => {
    let session: ReturnType<typeof createSessionSync>;
    try {
      session = createSessionSync(changed, runtime ? { runtime } : { variant });
    } catch (error) {
      if (error instanceof ModelError) return undefined; // the change makes no model of it
      throw error;
    }
    try {
      const gaps = gapsOf(session, one);
      return sizeOfGap(worstOf(gaps)) <= tolerance ? gaps : undefined;
    } finally {
      session.dispose();
    }
  };
  let tried = 0;
  const attempt = (changes: readonly Candidate[]): Fit | undefined => {
    const one = changes.some((change) => change.turned) ? turned : expected;
    const changed = changes.reduce<Model | undefined>((last, change) => last && change.apply(last), model);
    if (one === undefined || changed === undefined) return undefined;
    tried++;
    const trial = trials.get(one);
    if (trial !== undefined && trial !== one && differs(changed, trial) === undefined) return undefined;
    const gaps = differs(changed, one);
    return gaps && { changes, model: changed, gaps };
  };

  const candidates = candidatesOf(model, turned !== undefined);
  const singles = candidates.flatMap((one) => attempt([one]) ?? []);
  const pairs = candidates.flatMap((a, i) =>
    candidates.slice(i + 1).flatMap((b) => (a.idea === b.idea && meet(a, b) ? [] : [[a, b]])),
  );
  if (singles.length > 0) return { fits: minimal(singles), tried, left: 0 };
  const parameters = [...model.tensors.values()].reduce((sum, { data }) => sum + data.length, 1);
  const most = Math.min(MOST_PAIRS, Math.ceil(MOST_PARAMETERS / parameters));
  const fits = pairs.slice(0, most).flatMap((pair) => attempt(pair) ?? []);
  return { fits: minimal(fits), tried, left: Math.max(0, pairs.length - most) };
}

/** Do they say something of the same layer? */
function meet(a: Candidate, b: Candidate): boolean {
  return a.nodes.length === 0 || a.nodes.some((name) => b.nodes.includes(name));
}

/** A run that looks at the first steps alone, where a model gives an output at every step from what came before it. */
function trialOf(model: Model, expected: Expected): Expected {
  return isSequenceModel(model) ? expected : cut(expected, TRIAL_STEPS, TRIAL_BATCH);
}

/** Without a change of some layers where the same change of all fits. */
function minimal(fits: readonly Fit[]): Fit[] {
  const covers = (a: Fit, b: Fit) =>
    a.changes.length === b.changes.length &&
    a.changes.every(({ idea, what, nodes }, i) => {
      const other = b.changes[i];
      return idea === other.idea && what === other.what && other.nodes.every((name) => nodes.includes(name));
    });
  return fits.filter((fit, i) => !fits.slice(0, i).some((other) => covers(other, fit)));
}

function candidatesOf(model: Model, turned: boolean): Candidate[] {
  const changes = changesOf(model);
  const groups = new Map<string, Change[]>();
  for (const change of changes) {
    const key = `${change.idea}: ${change.what}${change.single ? `: ${change.node}` : ""}`;
    groups.set(key, [...(groups.get(key) ?? []), change]);
  }
  const together = [...groups.values()].map(
    (group): Candidate => ({
      ...group[0],
      nodes: group.map(({ node }) => node),
      ops: group.map(({ op }) => op),
      apply(from) {
        const changed = group.reduce((last, change) => change.apply(last) ?? last, from);
        return changed === from ? undefined : changed;
      },
    }),
  );
  const single = [...groups.values()]
    .filter(({ length }) => length > 1)
    .flatMap((group) => group.map((change): Candidate => ({ ...change, nodes: [change.node], ops: [change.op] })));
  return [...(turned ? [TURNED] : []), ...together, ...ENDS.map(endOf), ...single];
}

const TURNED: Candidate = {
  idea: "time and batch",
  nodes: [],
  ops: [],
  what: "the arrays have time and batch the other way around",
  turned: true,
  apply: (model) => model,
};

/** Functions of whole rows that a program may apply to what the model gives. */
const ENDS = ["softmax", "logSoftmax"] as const;

function endOf(op: (typeof ENDS)[number]): Candidate {
  return {
    idea: "end",
    nodes: [],
    ops: [],
    what: `${op} after the last layer`,
    layer: { type: op },
    apply(model) {
      const [output] = model.outputs;
      const name = `${output.name}.${op}`;
      const last = model.nodes.find(({ outputs }) => outputs.includes(output.name));
      if (model.outputs.length > 1 || last?.op === "softmax" || last?.op === "logSoftmax") return undefined;
      const node = { name, op, inputs: [output.name], outputs: [name], attrs: {} };
      return { ...model, nodes: [...model.nodes, node], outputs: [{ ...output, name }] };
    },
  };
}
