/**
 * A Durable Object for each conversation, /NAME: it goes on where its last request ended, after any time, on any machine. What
 * it keeps is the state of a stream, a kilobyte.
 */

import { answer } from "./answer.js";
import { create } from "./out/model.js";
import module from "./out/model.wasm";

// One for all objects of this isolate: each loads its own state, runs and saves without waiting in between.
const stream = create(module);

export class Conversation {
  #storage;

  constructor({ storage }) {
    this.#storage = storage;
  }

  fetch(request) {
    return answer(request, async (use) => {
      const saved = await this.#storage.get("state");
      if (saved === undefined) stream.reset();
      else stream.load(saved);
      const text = use(stream);
      // The answer leaves when the state is on disk: the object's output gate sees to it.
      this.#storage.put("state", stream.save());
      return text;
    });
  }
}

export default {
  fetch(request, { CONVERSATIONS }) {
    const id = CONVERSATIONS.idFromName(new URL(request.url).pathname);
    return CONVERSATIONS.get(id).fetch(request);
  },
};
