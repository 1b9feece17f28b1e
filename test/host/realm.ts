/**
 * A file of dist/ → its exports inside a node:vm context: a realm that has the globals of ECMAScript and WebAssembly and
 * nothing else, with typed arrays and a Module class of its own. The file is bundled into a script, since contexts take
 * modules only behind a flag; the .wasm files that it imports become the Modules given.
 */

import { fileURLToPath } from "node:url";
import { createContext, runInContext } from "node:vm";
import { build } from "esbuild";

export interface RealmOptions {
  /** false: the host refuses to compile WebAssembly, as under a policy. */
  readonly compiles?: boolean;
  /** What an import of a file whose name contains the key gives. */
  readonly modules?: Readonly<Record<string, WebAssembly.Module>>;
}

/** What evaluates a program's text in the realm, where `sluice` names the exports. */
export type Realm = (program: string) => unknown;

export async function openRealm(file: string, { compiles = true, modules = {} }: RealmOptions = {}): Promise<Realm> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`../../dist/${file}`, import.meta.url))],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "sluice",
    logLevel: "error",
    plugins: [
      {
        name: "wasm files",
        setup({ onResolve, onLoad }) {
          onResolve({ filter: /\.wasm(\?module)?$/ }, ({ path }) => ({ path, namespace: "wasm" }));
          onLoad({ filter: /.*/, namespace: "wasm" }, ({ path }) => ({
            contents: `export default modules[${JSON.stringify(/(\w+)\.wasm/.exec(path)?.[1])}];`,
          }));
        },
      },
    ],
  });
  const context = createContext({ modules }, { codeGeneration: { strings: false, wasm: compiles } });
  // V8 puts a console into every context.
  runInContext("delete globalThis.console;", context);
  runInContext(outputFiles[0].text, context);
  return (program) => runInContext(program, context);
}
