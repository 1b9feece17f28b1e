/** `sluice run`: rows of INPUT, or a text to continue, through a session, to standard output or a file. */

import { existsSync } from "node:fs";
import { createSession, type Model, type Session, type SessionOptions, type Stream } from "../all.ts";
import { columnsOf, inputsOf, isSequenceModel } from "./columns.ts";
import { printWarnings, readBytes, readModelFile, type WeightsOptions } from "./file.ts";
import { Meter } from "./meter.ts";
import { joinOutputs, openSink, openTable } from "./output.ts";
import { Interrupted, readRows } from "./rows.ts";
import { type Continuation, continueText } from "./text.ts";
import { checkVariant, numberOption, UsageError } from "./usage.ts";
import { refuseInputs, write } from "./write.ts";

export interface RunOptions extends WeightsOptions {
  readonly output?: string;
  readonly json?: boolean;
  readonly text?: string;
  readonly length?: string;
  readonly temperature?: string;
  readonly seed?: string;
  readonly state?: string;
  readonly variant?: string;
  readonly verbose?: boolean;
}

export async function run(path: string, input: string | undefined, options: RunOptions): Promise<void> {
  checkOptions(input, options);
  const { text } = options;
  const variant = checkVariant(options.variant);
  const sampling = {
    length: numberOption("length", options.length, { otherwise: 200, integer: true }),
    temperature: numberOption("temperature", options.temperature, { otherwise: 0.8, integer: false }),
    seed: numberOption("seed", options.seed, { otherwise: Math.floor(Math.random() * 2 ** 32), integer: true }),
  };
  refuseInputs(options.output, [path, input, options.state]);
  refuseInputs(options.state, [path, input]);
  const model = await readModelFile(path, options);
  printWarnings(model);
  const session = await createSession(model, { variant: variant as SessionOptions["variant"] });
  const meter = new Meter(text === undefined ? "rows" : "characters", options.output !== undefined);
  try {
    if (text !== undefined) await runText(model, session, { ...sampling, text }, options, meter);
    else if (isSequenceModel(model)) await runSequence(model, session, input, options, meter);
    else await runStream(model, session, input, options, meter);
  } finally {
    meter.clear();
  }
  if (options.verbose) {
    const seed = text === undefined ? "" : `, seed ${sampling.seed}`;
    process.stderr.write(`sluice: ${meter.text()} (${session.info.variant}${seed})\n`);
  }
}

/** Options that say nothing together are refused, not ignored. */
function checkOptions(input: string | undefined, options: RunOptions): void {
  const { text, json, output } = options;
  if (text === "") throw new UsageError("--text: expected one character or more; got none");
  if (text !== undefined && input !== undefined) throw new UsageError(`expected --text or INPUT; got "${input}" too`);
  if (text !== undefined && json) throw new UsageError("expected --text or --json; got both");
  if (json && output?.endsWith(".npy")) throw new UsageError("expected --json or a .npy output; got both");
  if (text !== undefined && output?.endsWith(".npy"))
    throw new UsageError("expected --text or a .npy output; got both");
  for (const name of ["length", "temperature", "seed"] as const) {
    if (text === undefined && options[name] !== undefined)
      throw new UsageError(`--${name}: expected --text with it; got none`);
  }
}

async function runStream(
  model: Model,
  session: Session,
  input: string | undefined,
  options: RunOptions,
  meter: Meter,
): Promise<void> {
  const stream = await openStream(session, options.state);
  const table = openTable(model, options);
  const width = columnsOf(model).size;
  await untilInterrupted(async () => {
    for await (const rows of readRows(model, input)) {
      const outputs = joinOutputs(model, stream.run(inputsOf(model, rows) as Float32Array));
      await table.write(outputs);
      meter.add(rows.length / width);
    }
  });
  await table.end();
  await saveStream(stream, options.state);
}

/** A model that runs backwards over time answers when all rows are there. */
async function runSequence(
  model: Model,
  session: Session,
  input: string | undefined,
  options: RunOptions,
  meter: Meter,
): Promise<void> {
  if (options.state !== undefined) {
    throw new Error("--state: expected a model that streams; got one that needs its whole sequence");
  }
  const table = openTable(model, options);
  const numbers: number[] = [];
  await untilInterrupted(async () => {
    for await (const rows of readRows(model, input)) for (const number of rows) numbers.push(number);
  });
  await untilInterrupted(async () => {
    if (numbers.length === 0) return;
    const { outputs } = session.run(inputsOf(model, Float32Array.from(numbers)));
    await table.write(joinOutputs(model, outputs));
    meter.add(numbers.length / columnsOf(model).size);
  });
  await table.end();
}

async function runText(
  model: Model,
  session: Session,
  sampling: Continuation,
  options: RunOptions,
  meter: Meter,
): Promise<void> {
  const stream = await openStream(session, options.state);
  const characters = continueText(model, stream, sampling);
  const sink = openSink(options.output);
  await untilInterrupted(async () => {
    await sink.write(sampling.text);
    for (const character of characters) {
      await sink.write(character);
      meter.add(1);
    }
    await sink.write("\n");
  });
  await sink.end();
  await saveStream(stream, options.state);
}

async function untilInterrupted(work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error;
  }
}

/** In the state that `path` holds, or in the initial one where there is no such file. */
async function openStream(session: Session, path: string | undefined): Promise<Stream> {
  const stream = session.stream();
  if (path !== undefined && existsSync(path)) await readBytes(path, (bytes) => stream.load(bytes));
  return stream;
}

async function saveStream(stream: Stream, path: string | undefined): Promise<void> {
  if (path !== undefined) await write(path, stream.save());
}
