/** The command `sluice`: arguments → a command; an error → one line on standard error and an exit code. */

import { parseArgs } from "node:util";
import pkg from "../../package.json" with { type: "json" };
import { bake } from "./bake.ts";
import { bench } from "./bench.ts";
import { check } from "./check.ts";
import { convert } from "./convert.ts";
import { nameError } from "./file.ts";
import { inspect } from "./inspect.ts";
import { quantize } from "./quantize.ts";
import { run } from "./run.ts";
import { printable } from "./text.ts";
import { COMMANDS, type Command, HELP, UsageError } from "./usage.ts";

process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  // `sluice … | head`: the reader has what it wanted. Files and the exit code stay what they are without it.
  if (error.code === "EPIPE") return;
  process.stderr.write(`sluice: ${(nameError("standard output", error) as Error).message}\n`);
  process.exit(1);
});

const [name, ...args] = process.argv.slice(2);
const PERFORM = {
  inspect: () => perform(COMMANDS.inspect, ([file], options) => inspect(file, options)),
  run: () => perform(COMMANDS.run, ([file, input], options) => run(file, input, options)),
  bench: () => perform(COMMANDS.bench, ([file], options) => bench(file, options)),
  bake: () => perform(COMMANDS.bake, ([file], options) => bake(file, options)),
  quantize: () => perform(COMMANDS.quantize, ([file], options) => quantize(file, options)),
  convert: () => perform(COMMANDS.convert, ([file, output], options) => convert(file, output, options)),
  check: () => perform(COMMANDS.check, ([file], options) => check(file, options)),
};
try {
  await dispatch();
} catch (error) {
  const wrongCall = error instanceof UsageError;
  const text = error instanceof Error ? error.message : String(error);
  const help = Object.hasOwn(COMMANDS, name ?? "") ? `sluice ${name} --help` : "sluice --help";
  process.stderr.write(`sluice: ${printable(text)}${wrongCall ? ` (${help} tells more)` : ""}\n`);
  if (args.includes("--stack") && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  process.exitCode = wrongCall ? 2 : 1;
}

async function dispatch(): Promise<void> {
  if (name === "--help" || name === "-h") process.stdout.write(HELP);
  else if (name === "--version") process.stdout.write(`${pkg.version}\n`);
  else if (Object.hasOwn(PERFORM, name ?? "")) await PERFORM[name as keyof typeof PERFORM]();
  else {
    const kind = name?.startsWith("-") ? "option" : "command";
    throw new UsageError(name === undefined ? "expected a command" : `unknown ${kind} "${name}"`);
  }
}

/** Help, or what the command does with its arguments. */
async function perform<C extends Command>(
  command: C,
  work: (positionals: string[], options: ReturnType<typeof parse<C>>["values"]) => Promise<void>,
): Promise<void> {
  const { values, positionals } = parse(command);
  if ("help" in values) process.stdout.write(command.help);
  else await work(positionals, values);
}

/** Checked options and positional arguments of a command. */
function parse<C extends Command>({ options, names }: C) {
  try {
    const parsed = parseArgs({ args, options: options as C["options"], allowPositionals: true });
    const { length } = parsed.positionals;
    if (!("help" in parsed.values) && length === 0)
      throw new UsageError(`expected ${names.join(" [")}${"]".repeat(names.length - 1)}`);
    if (length > names.length)
      throw new UsageError(`expected ${names.join(" and ")} at most; got "${parsed.positionals[names.length]}"`);
    return parsed;
  } catch (error) {
    if (!(error as NodeJS.ErrnoException).code?.startsWith("ERR_PARSE_ARGS")) throw error;
    // Node's advice after the first sentence is about its own API or takes several lines.
    const [first] = (error as Error).message.split(/\.\s/);
    const [, option] = /^Option '(.+)' argument is ambiguous/.exec(first) ?? [];
    if (option) throw new UsageError(`${option}: expected a value that does not begin with a dash`);
    throw new UsageError(first[0].toLowerCase() + first.slice(1));
  }
}
