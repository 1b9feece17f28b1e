/** A Vercel Edge function: `api/answer.js`. Modules are imported with ?module, since compiling is forbidden there. */

import { answer } from "./answer.js";
import { create } from "./out/model.js";
import module from "./out/model.wasm?module";

export const config = { runtime: "edge" };

const stream = create(module);

export default (request) =>
  answer(request, (use) => {
    stream.reset();
    return use(stream);
  });
