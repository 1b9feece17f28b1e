/** What the command line takes: the help texts, the options of each command, and the error of a wrong call. */

import type { ParseArgsConfig } from "node:util";

/** The call is wrong, not the file: exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

export const HELP = `Usage: sluice COMMAND FILE [options]

Runs trained recurrent networks (RNN, LSTM, GRU) from WebAssembly. FILE is a model in safetensors: with its graph, or
the weights alone (a state_dict) and --layers.

Commands
  inspect FILE        what the file holds, and the lines of code that run it
  run FILE [INPUT]    predictions for rows of numbers, for ids or for text

sluice COMMAND --help tells more, sluice --version the version.
Exit codes: 0 done, 1 the file or the input is wrong, 2 the call is wrong.
`;

const INSPECT_HELP = `Usage: sluice inspect FILE [options]

Prints the tensors, layers, inputs, outputs and states of a model, whether it streams, the memory that it takes, and the
lines of JavaScript that run this very file. For weights alone the layers are guessed from names and shapes, and what
these cannot tell is marked with a question mark.

Options
  --layers JSON|@FILE  the layers of a file of weights, instead of the guess
  --ignore NAME        a tensor that no layer uses; may be given several times
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
  --output FILE        to a file; FILE.npy gets the array (rows, columns) in f4

Text
  --text TEXT          continues TEXT: samples character after character
  --length N           so many characters (200)
  --temperature X      0 always takes the likeliest; 1 keeps the model's own odds (0.8)
  --seed N             the same text every time

Options
  --state FILE         goes on from the state in FILE, if there is one, and leaves the new state there
  --layers JSON|@FILE  the layers of a file of weights; sluice inspect guesses them
  --ignore NAME        a tensor that no layer uses; may be given several times
  --variant NAME       auto, simd, relaxed or reference (auto)
  --verbose            rows, time and variant on standard error
  --stack              the stack of an error
`;

type Options = NonNullable<ParseArgsConfig["options"]>;

const COMMON = {
  help: { type: "boolean", short: "h" },
  stack: { type: "boolean" },
  json: { type: "boolean" },
  layers: { type: "string" },
  ignore: { type: "string", multiple: true },
} as const satisfies Options;

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
      output: { type: "string" },
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
} as const satisfies Record<string, Command>;

/** An option's number, or what it is without one. */
export function numberOption(
  name: string,
  text: string | undefined,
  { otherwise, integer }: { readonly otherwise: number; readonly integer: boolean },
): number {
  if (text === undefined) return otherwise;
  const value = text.trim() === "" ? NaN : Number(text);
  if (value >= 0 && (integer ? Number.isSafeInteger(value) : value < Infinity)) return value;
  throw new UsageError(`--${name}: expected ${integer ? "an integer" : "a number"} ≥ 0; got "${text}"`);
}
