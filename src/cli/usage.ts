/** What the command line takes: the help texts, the options of each command, and the error of a wrong call. */

import type { ParseArgsConfig } from "node:util";

/** The call is wrong, not the file: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const HELP = `Usage: sluice COMMAND FILE [options]

Runs trained recurrent networks (RNN, LSTM, GRU) on WebAssembly. FILE is a model of any supported
format. A file that holds weights alone, such as a PyTorch state_dict, also needs --layers.

Commands
  inspect FILE        print what the file holds, and the lines of code that run it
  check FILE          compare its outputs with those saved in training; on a mismatch, say what is wrong
  run FILE [INPUT]    print a prediction for each row of numbers, for ids, or for text
  bench FILE          time a step on this machine, and say whether it is fast enough for live audio
  bake FILE           write one .wasm file that contains the model and needs nothing else
  quantize FILE       write the model in int8 (a quarter of the bytes) or f16 (half), and measure the error
  convert FILE OUT    write the model as one native file, weights and graph together

"sluice COMMAND --help" lists a command's options, "sluice --version" prints the version.
Exit codes: 0 success, 1 the file or the input is wrong, 2 the command line is wrong.
`;

/** How a file is read, after --layers, in the help of every command. */
const READING = `  --ignore NAME        allow this tensor to stay unused; may be given several times
  --shape NAME=SIZES   ONNX: the shape of an input, such as input=1,576, or x=T,1,40 where T is the time axis
  --constant NAME=X    ONNX: fix an input to a value, such as sr=16000
  --pair INPUT=OUTPUT  ONNX: this input is a state, and this output is its next value
  --gru-reset after    ONNX: apply the reset gate of every GRU after the product`;

const LAYERS = "  --layers JSON|@FILE  the layers of a file of weights; sluice inspect suggests them";
const STACK = "  --stack              print the stack trace of an error";
const FACTS = "  --json               print the same facts as one JSON document";
const VARIANT = "  --variant NAME       auto, simd, relaxed or reference (default: auto)";

const INSPECT_HELP = `Usage: sluice inspect FILE [options]

Prints the tensors, layers, inputs, outputs and states of a model, whether it can run step by step, how much memory it needs,
and a program that runs this very file. For a file of weights the layers are guessed from names and shapes; what these cannot
tell is marked with a question mark.

Options
  --layers JSON|@FILE  the layers of a file of weights, instead of the guess
${READING}
${FACTS}
${STACK}
`;

const RUN_HELP = `Usage: sluice run FILE [INPUT] [options]

Feeds the rows of INPUT to the model, one row per time step, and prints one row of outputs for each.

INPUT
  rows.csv             numbers separated by commas; a first row without any number is a header and is skipped
  rows.npy             an array of shape (rows, columns): floats, integers or bool
  text.txt             one character per step, if the model has a vocabulary of single characters; for such a model every
                       file but .csv and .npy is text
  - or nothing         standard input; every row is answered as it arrives
A row holds the elements of all inputs, in the model's order; ids are whole numbers. Numbers reach the model unchanged: scale
them as in training. A model that runs backwards over time answers after the last row.

Output
  One CSV row per input row: the elements of all outputs, in the model's order.
  --json               one line {"row":0,"output":[…]} per row; by name if the model has labels or several outputs
  --output, -o FILE    write to a file; FILE.npy gets an array (rows, columns) of f4

Text
  --text TEXT          continue TEXT by sampling one character after another
  --length N           how many characters (default: 200)
  --temperature X      0 always takes the likeliest, 1 samples from the model's own distribution (default: 0.8)
  --seed N             the same seed gives the same text

Options
  --state FILE         resume from the state in FILE if it exists, and save the new state there
${LAYERS}
${READING}
${VARIANT}
  --verbose            print rows, time and variant to standard error
${STACK}
`;

const BENCH_HELP = `Usage: sluice bench FILE [options]

Times single steps of the model on this machine after a warm-up, with random input: median, 99th and 99.9th percentile, and
maximum. Then times the quanta of an audio thread, each of which must be done before the next begins: how many missed that
deadline, and how many seconds of signal are processed per second.

A model whose input is one number takes one sample per step, so a quantum is one call of many steps. Any other model takes a
frame, and one step is assumed per quantum; --hop changes that.

Options
  --count N            steps and quanta to time (default: 5000)
  --rate HZ            samples per second (default: as the model says, or 48000)
  --quantum N          samples between two deadlines (default: 128)
  --hop N              samples per step (default: 1 if the input is one number, else a quantum)
${LAYERS}
${READING}
${VARIANT}
  --json               print the same figures as one JSON document, times in µs
${STACK}
`;

const BAKE_HELP = `Usage: sluice bake FILE [-o NAME.wasm] [options]

Writes NAME.wasm, which holds kernels, program and weights and imports nothing: for Workers, edge functions, bundles, and
hosts without JavaScript. Beside it, NAME.js and NAME.d.ts run it without the package. docs/bake.md lists the exports.

Options
  --output, -o NAME    NAME.wasm (default: FILE's name, in this folder)
  --variant NAME       simd: the same bits on every engine; relaxed: a little faster, needs relaxed SIMD (default: simd)
  --precision NAME     f32 or int8; int8 quantises f32 weights to a quarter of the bytes (default: as in the file)
  --max-steps N        rows of the longest run(t); sets the memory of an instance (default: 64)
${LAYERS}
${READING}
${STACK}
`;

const QUANTIZE_HELP = `Usage: sluice quantize FILE [options]

Writes the model with its recurrent and linear weights as int8 and one scale per row: about a quarter of the bytes, and
sessions of it run in int8. With --to f16 or bf16, writes all numbers in half of the bytes; they become f32 when loaded.

Options
  --output, -o OUT     the file to write; optional with --data
  --to KIND            int8, f16 or bf16 (default: int8)
  --data INPUT         run both models over INPUT (as for sluice run) from the initial state, and print for each output the
                       largest and the root mean square error, and how many rows have another largest element; for text,
                       the bits per character of both
${LAYERS}
${READING}
${FACTS}
${STACK}
`;

const CONVERT_HELP = `Usage: sluice convert FILE OUT.safetensors [options]

Writes a model of any format as one native file, which holds weights and graph and needs no further options. Import "sluice"
reads it, or "sluice/graph" if the model has operators of that set. Outputs stay the same, bit for bit. Warnings of the
reader are printed.

Options
${LAYERS}
${READING}
${FACTS}
${STACK}
`;

const CHECK_HELP = `Usage: sluice check FILE --expect IO.npz [options]

Runs the model over inputs saved in training and compares its outputs with those saved beside them. If they differ, it tries
what frameworks and exporters are known to do differently: the order of gates, the place of a GRU's reset gate, the definition
of hard_sigmoid, transposed weights, biases, missing activations, the order of time and batch. It names the change, or the two,
that make the outputs agree, says how to apply them, and exits with code 1.

IO.npz (docs/formats.md has the three lines of Python that save it)
  x, input or the input's name      (T, I) or (T, B, I); ids (T) or (T, B); several inputs: by name
  y, output or the output's name    (T, O) or (T, B, O); or the last step of each sequence, (B, O)
  h0, c0, hn, cn                    states before and after, (layers × directions, B, H); of several layers rnn.h0 …
  lengths                           (B), the valid steps of each sequence
  batch_first                       True: arrays are (B, T, …) instead of (T, B, …)

Options
  --expect IO.npz      the saved inputs and outputs
  --tolerance X        accept differences up to X times the largest magnitude of the array, or of 0.01 (default: 1e-4)
  --batch-first        the arrays are (B, T, …)
  --output, -o OUT     write the model that agrees, with the change if one was needed, as a native file
  --layers JSON|@FILE  the layers of a file of weights; guessed if not given
${READING}
${VARIANT}
${FACTS}
${STACK}
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
