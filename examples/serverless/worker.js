/** A Cloudflare Worker. Compiling is forbidden there, so the model is imported; every request begins anew. */

import { answer } from "./answer.js";
import { create } from "./out/model.js";
import module from "./out/model.wasm";

const stream = create(module);

export default {
  fetch: (request) =>
    answer(request, (use) => {
      stream.reset();
      return use(stream);
    }),
};
