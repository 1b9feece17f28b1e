/** `sluice quantize`: a model → the same model in fewer bytes, and what that changes over the user's own input. */

import { createSession, type Model, quantizeModel, type Session, writeSafetensors } from "../all.ts";
import { bitsPerCharacter, Difference, type OutputError } from "./accuracy.ts";
import { columnsOf, inputsOf, isSequenceModel, sizeOf } from "./columns.ts";
import { printWarnings, readBytes, readModelFile, type WeightsOptions } from "./file.ts";
import { halveModel } from "./half.ts";
import { joinOutputs } from "./output.ts";
import { readRows } from "./rows.ts";
import { count, table } from "./table.ts";
import { printable, vocabularyOf } from "./text.ts";
import { UsageError } from "./usage.ts";
import { refuseInputs, write } from "./write.ts";

export interface QuantizeOptions extends WeightsOptions {
  readonly to?: string;
  readonly output?: string;
  readonly data?: string;
  readonly json?: boolean;
}

/** What --to takes. */
const KINDS: Readonly<Record<string, (model: Model) => Model>> = {
  int8: quantizeModel,
  f16: (model) => halveModel(model, "F16"),
  bf16: (model) => halveModel(model, "BF16"),
};

interface Facts {
  readonly file: string;
  readonly to: string;
  readonly bytes: { readonly before: number; readonly after: number };
  readonly output?: string;
  readonly data?: Comparison;
}

interface Comparison {
  readonly file: string;
  readonly rows: number;
  /** Of session.info, before and after. */
  readonly precision: readonly [string, string];
  readonly variant: string;
  readonly outputs: readonly OutputError[];
  readonly bitsPerCharacter?: readonly [before: number, after: number];
}

export async function quantize(path: string, options: QuantizeOptions): Promise<void> {
  const { to = "int8", output, data, json = false } = options;
  if (!Object.hasOwn(KINDS, to)) throw new UsageError(`--to: expected ${Object.keys(KINDS).join(", ")}; got "${to}"`);
  if (output === undefined && data === undefined) throw new UsageError("expected --output or --data; got neither");
  refuseInputs(output, [path, data]);
  const model = await readModelFile(path, options);
  printWarnings(model);
  const before = await readBytes(path, ({ length }) => length);
  if ([...model.tensors.values()].some(({ scale }) => scale !== undefined)) {
    throw new Error(`${path}: expected weights that are not quantised; got int8`);
  }
  const smaller = KINDS[to](model);
  const bytes = writeSafetensors(smaller);
  const comparison = data === undefined ? undefined : await compare(model, smaller, data);
  if (output !== undefined) await write(output, bytes);
  const facts: Facts = { file: path, to, bytes: { before, after: bytes.length }, output, data: comparison };
  process.stdout.write(json ? `${JSON.stringify(facts, undefined, 2)}\n` : reportOf(facts));
}

/** Both models over the same rows. */
async function compare(model: Model, smaller: Model, input: string): Promise<Comparison> {
  const sessions = [await createSession(model), await createSession(smaller)];
  const vocabulary = vocabularyOf(model);
  const bits = vocabulary && [0, 1].map(() => bitsPerCharacter(model, vocabulary.length));
  const sizes = model.outputs.map(sizeOf);
  const difference = new Difference(
    model.outputs.map(({ name }) => name),
    sizes,
  );
  const answers = sessions.map((session) => answersOf(model, session));
  const width = columnsOf(model).size;
  let rows = 0;
  const take = (batch: Float32Array) => {
    const [a, b] = answers.map((answer) => answer(batch));
    difference.add(a, b);
    bits?.[0]?.add(batch, a);
    bits?.[1]?.add(batch, b);
    rows += batch.length / width;
  };
  if (isSequenceModel(model)) {
    // A model that runs backwards over time answers when all rows are there.
    const all: number[] = [];
    for await (const batch of readRows(model, input)) for (const number of batch) all.push(number);
    if (all.length > 0) take(Float32Array.from(all));
  } else {
    for await (const batch of readRows(model, input)) take(batch);
  }
  if (rows === 0) throw new Error(`${input}: expected one row or more; got none`);
  const totals = bits?.map((one) => one?.value);
  return {
    file: input,
    rows,
    precision: [sessions[0].info.precision, sessions[1].info.precision],
    variant: sessions[0].info.variant,
    outputs: difference.result(),
    ...(totals?.every((one) => one !== undefined) && { bitsPerCharacter: totals as [number, number] }),
  };
}

/** Rows → rows of all outputs side by side; one stream goes through all batches. */
function answersOf(model: Model, session: Session): (rows: Float32Array) => Float32Array {
  if (isSequenceModel(model)) {
    return (rows) => joinOutputs(model, session.run(inputsOf(model, rows)).outputs);
  }
  const stream = session.stream();
  return (rows) => joinOutputs(model, stream.run(inputsOf(model, rows) as Float32Array));
}

const short = (value: number) => value.toPrecision(3);

function reportOf({ file, to, bytes, output, data }: Facts): string {
  const share = Math.round((bytes.after / bytes.before) * 100);
  const lines = [`${file}: ${count(bytes.before)} bytes; in ${to} ${count(bytes.after)} bytes, ${share} %`];
  if (output !== undefined) lines.push(`written to ${output}`);
  if (data !== undefined) {
    lines.push(
      "",
      `${data.file}: ${count(data.rows)} rows, ${to} against the file (${data.precision[0]}, ${data.variant})`,
    );
    const head = ["output", "max error", "rms error", "values", "other argmax"];
    const rows = data.outputs.map(({ name, max, rms, low, high, changed }) => [
      name,
      short(max),
      short(rms),
      `${short(low)} … ${short(high)}`,
      changed === undefined ? "" : `${count(changed)} of ${count(data.rows)} rows`,
    ]);
    lines.push(...table([head, ...rows], ""));
    if (data.bitsPerCharacter) {
      const [before, after] = data.bitsPerCharacter.map((value) => value.toFixed(4));
      lines.push(`bits per character: ${before} in the file, ${after} in ${to}`);
    }
  }
  return `${lines.map(printable).join("\n")}\n`;
}
