/** Deno, and Deno Deploy: `deno run --allow-net --allow-read deno.js`. The .wasm is read from beside its module. */

import { answer } from "./answer.js";
import { load } from "./out/model.js";

const stream = await load();

Deno.serve({ port: Number(Deno.args[0] ?? 8000) }, (request) =>
  answer(request, (use) => {
    stream.reset();
    return use(stream);
  }),
);
