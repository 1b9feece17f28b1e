/** What `sluice check` found → the facts that --json prints, and the report. */

import type { LayerSpec } from "../all.ts";
import { tensorKey } from "../model.ts";
import { type Gap, sizeOfGap, worstOf } from "./compare.ts";
import type { Saved } from "./expected.ts";
import type { ReadFile } from "./file.ts";
import type { Candidate, Fit, Found } from "./search.ts";
import { count, table } from "./table.ts";
import { printable } from "./text.ts";

/** What `--json` prints. */
export interface CheckFacts {
  readonly file: string;
  readonly format: string;
  readonly expect: string;
  readonly steps: number;
  readonly sequences: number;
  readonly ok: boolean;
  readonly tolerance: number;
  /** Of the worst array, relative to its largest magnitude; absent where the arrays do not fit as they are. */
  readonly difference?: number;
  readonly gaps?: readonly Gap[];
  /** Why they do not fit. */
  readonly problem?: string;
  readonly warnings: readonly string[];
  /** The layers that were guessed. */
  readonly guess?: readonly LayerSpec[];
  /** Several, where the arrays cannot tell them apart. */
  readonly fits?: readonly FitFacts[];
  readonly tried?: number;
  readonly left?: number;
  readonly hints: readonly string[];
  readonly output?: string;
}

export interface FitFacts {
  readonly difference: number;
  readonly changes: readonly { readonly nodes: readonly string[]; readonly what: string; readonly advice: string }[];
  /** Of weights alone: all layers as they are meant, where layers can say it. */
  readonly layers?: readonly LayerSpec[];
}

interface Result {
  readonly path: string;
  readonly read: ReadFile;
  readonly expect: string;
  readonly saved: Saved;
  readonly tolerance: number;
  readonly ok: boolean;
  readonly gaps?: readonly Gap[];
  readonly found?: Found;
  readonly output?: string;
}

export function factsOf({ path, read, expect, saved, tolerance, ok, gaps, found, output }: Result): CheckFacts {
  const { steps, batch } = (saved.expected ?? saved.turned) as NonNullable<Saved["turned"]>;
  const worst = gaps && worstOf(gaps);
  return {
    file: path,
    format: read.format.name,
    expect,
    steps,
    sequences: batch,
    ok,
    tolerance,
    ...(worst && { difference: sizeOfGap(worst) }),
    gaps,
    problem: saved.problem?.message,
    warnings: read.model.warnings,
    guess: read.guess,
    ...(found && {
      fits: found.fits.map((fit) => ({
        difference: sizeOfGap(worstOf(fit.gaps)),
        changes: fit.changes.map((change) => ({
          nodes: change.nodes,
          what: change.what,
          advice: adviceOf(change, read, saved),
        })),
        layers: meant(read, fit),
      })),
      tried: found.tried,
      left: found.left,
    }),
    hints: hintsOf(read, saved, worst, ok, found?.fits.length ?? 0),
    output,
  };
}

/** What to do, by what the file's format lets one say. */
function adviceOf(change: Candidate, read: ReadFile, { batchFirst }: Saved): string {
  const { spec, turned, layer } = change;
  if (turned) return batchFirst ? "leave out batch_first" : "--batch-first, or batch_first=True among the arrays";
  const { layers, format } = read;
  if (layers !== undefined && layer !== undefined) return `${JSON.stringify(layer)} as the last of layers`;
  if (layers !== undefined && spec !== undefined) {
    const own = layers.filter((one) => isOf(change, one));
    return `in layers: ${own.map((one) => JSON.stringify({ ...one, ...said(spec) })).join(", ")}`;
  }
  if (spec?.resetAfter === true && format.name === "ONNX") return '--gru-reset after, or gruReset: "after" in code';
  const says = layers === undefined ? "the file says otherwise" : "the numbers of the file stand otherwise";
  return `${says}: correct what made it, or take what --output FILE writes`;
}

/** The layers with all changes; undefined where one is of the file's numbers, or none is of the layers. */
function meant({ layers }: ReadFile, { changes }: Fit): LayerSpec[] | undefined {
  if (layers === undefined || !changes.every(({ spec, layer, turned }) => spec ?? layer ?? turned)) return undefined;
  if (changes.every(({ turned }) => turned)) return undefined;
  return changes.reduce<LayerSpec[]>(
    (list, change) => [
      ...list.map((one) => (change.spec && isOf(change, one) ? { ...one, ...said(change.spec) } : one)),
      ...(change.layer ? [change.layer] : []),
    ],
    [...layers],
  );
}

function isOf({ nodes, ops }: Candidate, { name = "", type }: LayerSpec): boolean {
  return nodes.includes(name) && ops.includes(type);
}

/** Attributes as a LayerSpec has them: one function without its list, and by its name alone. */
function said(spec: NonNullable<Candidate["spec"]>): Record<string, unknown> {
  const { activation, ...rest } = spec;
  const [one] = Array.isArray(activation) ? activation : [activation];
  return one === undefined ? spec : { ...rest, activation: Object.keys(one).length === 1 ? one.name : one };
}

/** A difference that rounding to 11 or 8 bits explains. */
const HALF = 0.02;

function hintsOf(
  { model, layers }: ReadFile,
  saved: Saved,
  worst: Gap | undefined,
  ok: boolean,
  fits: number,
): string[] {
  const { nodes, tensors } = model;
  const weights = layers !== undefined;
  const { expected } = saved;
  if (ok) {
    const blind = expected?.steps === 1 && Object.keys(expected.state).length === 0;
    const recurrent = nodes.some(({ op }) => RECURRENT.includes(op));
    return blind && recurrent ? ["one step from the zero state tells nothing of the weights that read the state"] : [];
  }
  if (fits > 1) return ["several changes fit: save more steps, or inputs that differ more, to tell them apart"];
  if (fits === 1 || worst === undefined) return [];
  const hints: string[] = [];
  if ([...tensors.values()].some(({ dtype }) => dtype === "I8")) {
    hints.push("the weights are int8: say with --tolerance what that may change");
  } else if (sizeOfGap(worst) <= HALF) {
    hints.push(
      "a difference of this size comes from half precision (float16, bfloat16, TF32): save outputs of float32",
    );
  }
  for (const { op, name, attrs } of nodes) {
    // Readers of graphs make a second bias of zero where a format has but one.
    if (!RECURRENT.includes(op) || (!weights && attrs.resetAfter !== true)) continue;
    const second = tensors.get(tensorKey(name, "bias_hh_l0"));
    if (attrs.bias && second?.data.some((one) => one !== 0)) continue;
    hints.push(`${name || op}: the second bias (bias_hh) is ${attrs.bias ? "zero" : "absent"}; was it saved?`);
  }
  return hints;
}

const RECURRENT = ["rnn", "gru", "lstm"];

const short = (value: number) =>
  value !== 0 && Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toPrecision(3);

/** As many as an f32 has: two numbers that differ look different. */
const digits = (value: number) => `${Number(value.toPrecision(8))}`;

export function reportOf(facts: CheckFacts): string {
  const { file, format, expect, steps, sequences, ok, tolerance, difference, gaps = [], fits = [], guess } = facts;
  const many = (n: number, what: string) => `${count(n)} ${what}${n === 1 ? "" : "s"}`;
  const lines = [
    `${file} (${format}) against ${expect}: ${many(steps, "step")} of ${many(sequences, "sequence")}`,
    ...facts.warnings.map((text) => `warning: ${text}`),
    ...(guess ? [`layers as names and shapes suggest them: ${layersText(guess)}`] : []),
    ...(facts.problem === undefined ? [] : [`the arrays do not fit: ${facts.problem}`]),
    ...table(gaps.map(gapRow)),
  ];
  if (ok) lines.push(`check: ok, relative difference ${short(difference as number)} (tolerance ${tolerance})`);
  else if (fits.length > 0) {
    const [first, ...others] = fits;
    const changes = first.changes.length === 1 ? "one change" : "two changes";
    lines.push(`check: mismatch; with ${changes} the outputs agree, relative difference ${short(first.difference)}`);
    for (const { nodes, what, advice } of first.changes) {
      lines.push(`  ${nodes.length > 0 ? `${nodes.map((name) => name || "(no name)").join(", ")}: ` : ""}${what}`);
      lines.push(`    what to do: ${advice}`);
    }
    if (first.layers) lines.push(`  ${layersText(first.layers)}`);
    for (const { changes } of others.slice(0, MOST_OTHERS)) {
      lines.push(`  or: ${changes.map(({ nodes, what }) => [...nodes, what].join(": ")).join("; ")}`);
    }
    if (others.length > MOST_OTHERS) lines.push(`  or: ${count(others.length - MOST_OTHERS)} more`);
  } else {
    const { tried = 0, left = 0 } = facts;
    lines.push(`check: mismatch, relative difference ${short(difference as number)} (tolerance ${tolerance})`);
    const rest = left === 0 ? "" : `; ${count(left)} pairs were not tried`;
    lines.push(`  no known change explains it: ${count(tried)} were tried, alone and in pairs${rest}`);
  }
  lines.push(...facts.hints.map((text) => `  hint: ${text}`));
  if (facts.output !== undefined) lines.push(`written to ${facts.output}`);
  return `${lines.map(printable).join("\n")}\n`;
}

const MOST_OTHERS = 5;

/** As a shell takes it. */
const layersText = (layers: readonly LayerSpec[]) => `--layers '${JSON.stringify(layers)}'`;

function gapRow({ name, kind, max, magnitude, at, expected, got }: Gap): string[] {
  const place = at.length === 0 ? "" : `at [${at.join(", ")}]: expected ${digits(expected)}, got ${digits(got)}`;
  return [`${kind} ${name}`, `values to ±${short(magnitude)}`, `largest difference ${short(max)}`, place];
}
