/** What the command line takes: the help texts, the options of each command, and the error of a wrong call. */

import type { ParseArgsConfig } from "node:util";

/** The call is wrong, not the file: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const HELP = `Usage: sluice COMMAND FILE [options]

Runs trained recurrent networks (RNN, LSTM, GRU) from WebAssembly. FILE is a model: with its
graph (safetensors, ONNX and others), or the weights alone (a state_dict) and --layers.

Commands
  inspect FILE        what the file holds, and the lines of code that run it
  run FILE [INPUT]    predictions for rows of numbers, for ids or for text
  bench FILE          how long a step takes here, and whether audio in real time is safe
  bake FILE           one .wasm file that holds the model and needs nothing else, and a module that runs it
  quantize FILE       the same model in a quarter or half of the bytes, and what that changes
  convert FILE OUT    the model of any format as a native file, weights and graph in one
  check FILE          whether its outputs are those saved in training, and if not, which convention is another

sluice COMMAND --help tells more, sluice --version the version.
Exit codes: 0 done, 1 the file or the input is wrong, 2 the call is wrong.
`;

/** How a file is read, after --layers, in the help of every command. */
const READING = `  --ignore NAME        a tensor that no layer uses; may be given several times
  --shape NAME=SIZES   of ONNX: an input's sizes, such as input=1,576, or x=T,1,40 where T is the axis of steps
  --constant NAME=X    of ONNX: an input that is fixed, such as sr=16000
  --pair INPUT=OUTPUT  of ONNX: an input that is a state, and the output that is its next value
  --gru-reset after    of ONNX: the reset gate of every GRU applies after the product`;

const INSPECT_HELP = `Usage: sluice inspect FILE [options]

Prints the tensors, layers, inputs, outputs and states of a model, whether it streams, the memory that it takes, and the
lines of JavaScript that run this very file. For weights alone the layers are guessed from names and shapes, and what
these cannot tell is marked with a question mark.

Options
  --layers JSON|@FILE  the layers of a file of weights, instead of the guess
${READING}
  --json               the same facts as one JSON document
  --stack              the stack of an error
`;

const RUN_HELP = `Usage: sluice run FILE [INPUT] [options]

Takes the model through the rows of INPUT, one time step a row, and prints a row of outputs for each.

INPUT
  rows.csv             numbers between commas; a first row without any number is a header and is skipped
  rows.npy             an array (rows, columns): floats, integers or bool
  text.txt             one step a character, where the model has a vocabulary of single characters: everything but .csv
                       and .npy is text for such a model
  - or nothing         standard input; every row is answered as it arrives
A row holds the elements of all inputs in the model's order; an id is a whole number. Numbers go to the model as they are:
scale them as in its training. A model that runs backwards over time answers after the last row.

Output
  One CSV row for each row: the elements of all outputs in the model's order.
  --json               one line {"row":0,"output":[…]} for each; by name where the model has labels or several outputs
  --output, -o FILE    to a file; FILE.npy gets the array (rows, columns) in f4

Text
  --text TEXT          continues TEXT: samples character after character
  --length N           so many characters (200)
  --temperature X      0 always takes the likeliest; 1 keeps the model's own odds (0.8)
  --seed N             the same text every time

Options
  --state FILE         goes on from the state in FILE, if there is one, and leaves the new state there
  --layers JSON|@FILE  the layers of a file of weights; sluice inspect guesses them
${READING}
  --variant NAME       auto, simd, relaxed or reference (auto)
  --verbose            rows, time and variant on standard error
  --stack              the stack of an error
`;

const BENCH_HELP = `Usage: sluice bench FILE [options]

Times single steps of the model on this machine, one stream, random input, after a warm-up: the median, the 99th and 99.9th
percentile and the maximum. Then the same for quanta of an audio thread, which must be done before the next one comes: how
many missed that deadline, and how many seconds of signal a second of work makes.

A model with one number as input takes a sample at every step, so a quantum is a call of many steps. Any other takes a
frame: its step is taken to fall into one quantum. --hop says otherwise.

Options
  --count N            steps, and quanta, that are timed (5000)
  --rate HZ            samples a second (48000)
  --quantum N          samples between two deadlines (128)
  --hop N              samples that one step stands for (1 for one number as input, else a quantum)
  --layers JSON|@FILE  the layers of a file of weights; sluice inspect guesses them
${READING}
  --variant NAME       auto, simd, relaxed or reference (auto)
  --json               the same figures as one JSON document, times in µs
  --stack              the stack of an error
`;

const BAKE_HELP = `Usage: sluice bake FILE [-o NAME.wasm] [options]

Writes NAME.wasm: kernels, program and weights in one module without imports, for Workers, edge functions, bundles, and hosts
without JavaScript; and NAME.js with NAME.d.ts, which run it and need no package. docs/bake.md has the exports.

Options
  --output, -o NAME    NAME.wasm (FILE's name in this folder)
  --variant NAME       simd: the same bits on every engine; relaxed: a little faster where the engine has it (simd)
  --precision NAME     f32 or int8: int8 quantises f32 weights, a quarter of the bytes (as the file's weights are)
  --max-steps N        rows of the longest run(t), and so the memory of an instance (64)
  --layers JSON|@FILE  the layers of a file of weights; sluice inspect guesses them
${READING}
  --stack              the stack of an error
`;

const QUANTIZE_HELP = `Usage: sluice quantize FILE [options]

Writes the model with its recurrent and linear weights as int8 and a scale for each row, about a quarter of the bytes; sessions
of it run int8. Or with all its numbers in half of the bytes, widened to f32 when it is loaded.

  --output, -o OUT     the file to write
  --to KIND            int8, f16 or bf16 (int8)
  --data INPUT         runs both models over INPUT, one after the other from the initial state, and prints for each output
                       the largest and the root mean square error and the rows whose largest element is another; for text
                       and a model with a vocabulary of single characters, the bits per character of both. INPUT is what
                       sluice run takes

Options
  --layers JSON|@FILE  the layers of a file of weights; sluice inspect guesses them
${READING}
  --json               the same facts as one JSON document
  --stack              the stack of an error
`;

const CONVERT_HELP = `Usage: sluice convert FILE OUT.safetensors [options]

Writes the model of a file of any format as a native file, which holds weights and graph, needs no other options, and is read
by the entry sluice, or sluice/graph where it has operators of graphs. Outputs are the same, bit for bit. Prints what the
reader warned of.

Options
  --layers JSON|@FILE  the layers of a file of weights; sluice inspect guesses them
${READING}
  --json               the same facts as one JSON document
  --stack              the stack of an error
`;

const CHECK_HELP = `Usage: sluice check FILE --expect IO.npz [options]

Runs the model over inputs saved in training and compares its outputs with those saved beside them. Prints "check: ok" and the
largest difference. On a mismatch it tries what is known to go wrong between frameworks, for every layer: the order of gates,
the place of a GRU's reset gate, hard_sigmoid's definition, transposed weights, biases, functions that weights do not tell,
the order of time and batch. It names the change, or the two, with which the outputs agree, and says what to do; exit code 1.

IO.npz (numpy.savez; docs/formats.md has the lines that make it)
  x, input or the input's name      (T, I) or (T, B, I); ids (T) or (T, B); all inputs of a model by their names
  y, output or the output's name    (T, O) or (T, B, O), or the last step of each sequence, (B, O)
  h0, c0, hn, cn                    states before and after, (layers × directions, B, H); of several layers rnn.h0 …
  lengths                           (B), the valid steps of each sequence
  batch_first                       True: (B, T, …) instead of (T, B, …)

Options
  --expect IO.npz      what was saved
  --tolerance X        the largest difference that is none, times the largest magnitude of an output if that is above 1 (1e-4)
  --batch-first        the arrays are (B, T, …)
  --output, -o OUT     writes the model that agrees, with the change that was found if there is one, as a native file
  --layers JSON|@FILE  the layers of a file of weights; without it they are guessed
${READING}
  --variant NAME       auto, simd, relaxed or reference (auto)
  --json               the same facts as one JSON document
  --stack              the stack of an error
`;

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Of a command that reads a model. */
const READ = {
  help: { type: "boolean", short: "h" },
  stack: { type: "boolean" },
  layers: { type: "string" },
  ignore: { type: "string", multiple: true },
  shape: { type: "string", multiple: true },
  constant: { type: "string", multiple: true },
  pair: { type: "string", multiple: true },
  "gru-reset": { type: "string" },
} as const satisfies Options;

const COMMON = { ...READ, json: { type: "boolean" } } as const satisfies Options;

export interface Command {
  readonly help: string;
  readonly options: Options;
  /** Of the positional arguments; the first must be there. */
  readonly names: readonly string[];
}

export const COMMANDS = {
  inspect: { help: INSPECT_HELP, options: COMMON, names: ["FILE"] },
  run: {
    help: RUN_HELP,
    options: {
      ...COMMON,
      output: { type: "string", short: "o" },
      text: { type: "string" },
      length: { type: "string" },
      temperature: { type: "string" },
      seed: { type: "string" },
      state: { type: "string" },
      variant: { type: "string" },
      verbose: { type: "boolean" },
    },
    names: ["FILE", "INPUT"],
  },
  bench: {
    help: BENCH_HELP,
    options: {
      ...COMMON,
      count: { type: "string" },
      rate: { type: "string" },
      quantum: { type: "string" },
      hop: { type: "string" },
      variant: { type: "string" },
    },
    names: ["FILE"],
  },
  bake: {
    help: BAKE_HELP,
    options: {
      ...READ,
      output: { type: "string", short: "o" },
      variant: { type: "string" },
      precision: { type: "string" },
      "max-steps": { type: "string" },
    },
    names: ["FILE"],
  },
  quantize: {
    help: QUANTIZE_HELP,
    options: { ...COMMON, output: { type: "string", short: "o" }, to: { type: "string" }, data: { type: "string" } },
    names: ["FILE"],
  },
  convert: { help: CONVERT_HELP, options: COMMON, names: ["FILE", "OUT"] },
  check: {
    help: CHECK_HELP,
    options: {
      ...COMMON,
      expect: { type: "string" },
      tolerance: { type: "string" },
      "batch-first": { type: "boolean" },
      output: { type: "string", short: "o" },
      variant: { type: "string" },
    },
    names: ["FILE"],
  },
} as const satisfies Record<string, Command>;

const VARIANTS = ["auto", "simd", "relaxed", "reference"];

/** The value of --variant, which --help lists. */
export function checkVariant(variant = "auto"): string {
  if (VARIANTS.includes(variant)) return variant;
  throw new UsageError(`--variant: expected ${VARIANTS.join(", ")}; got "${variant}"`);
}

/** An option's number, or what it is without one. */
export function numberOption(
  name: string,
  text: string | undefined,
  { otherwise, integer, least = 0 }: { readonly otherwise: number; readonly integer: boolean; readonly least?: number },
): number {
  if (text === undefined) return otherwise;
  const value = text.trim() === "" ? NaN : Number(text);
  if (value >= least && (integer ? Number.isSafeInteger(value) : value < Infinity)) return value;
  throw new UsageError(`--${name}: expected ${integer ? "an integer" : "a number"} ≥ ${least}; got "${text}"`);
}
