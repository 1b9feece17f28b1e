/** What every function here does: a request with some text → the characters that the model expects next. */

import { info } from "./out/model.js";

/** Longest text and answer: at 30 µs a character both take less than 10 ms of processor time. */
const TEXT_LIMIT = 2000;
const LENGTH_LIMIT = 200;

/**
 * Reads `?text=` (or the body) and `?length=`, and goes on from the state in which `stream` is. Nothing in here waits but
 * for the body, so that requests never share the stream half-way.
 *
 * @param {Request} request
 * @param {(use: (stream: import("./out/model.js").Baked) => string) => Promise<string> | string} withStream
 *   gives the stream in the state to begin with, and keeps the state at its end if it is to be kept
 */
export async function answer(request, withStream) {
  const { searchParams } = new URL(request.url);
  const text = searchParams.get("text") ?? (request.method === "POST" ? await request.text() : "");
  const length = Number(searchParams.get("length") ?? 40);
  const ids = Array.from(text, (character) => info.vocabulary.indexOf(character));
  if (ids.length === 0 || ids.length > TEXT_LIMIT) return refuse(`text: expected 1 … ${TEXT_LIMIT} characters`);
  if (ids.includes(-1)) return refuse(`text: expected characters among ${JSON.stringify(info.vocabulary.join(""))}`);
  if (!(Number.isInteger(length) && length >= 0 && length <= LENGTH_LIMIT))
    return refuse(`length: expected an integer in 0 … ${LENGTH_LIMIT}`);
  return new Response(await withStream((stream) => continueText(stream, ids, length)));
}

function refuse(message) {
  return new Response(`${message}\n`, { status: 400 });
}

/** Always the likeliest character, so that the same text has the same answer everywhere. */
function continueText(stream, ids, length) {
  const { vocabulary } = info;
  let scores = stream.run(Int32Array.from(ids)).slice(-vocabulary.length);
  let text = "";
  for (let i = 0; i < length; i++) {
    const id = scores.indexOf(Math.max(...scores));
    text += vocabulary[id];
    scores = stream.step(id, scores);
  }
  return text;
}
