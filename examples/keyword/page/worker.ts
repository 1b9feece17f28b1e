/** The page's worker: the file of a model, then blocks of sound at any rate → probabilities of the words, 25 or 50 times a second. */

import { createSession, readNpz, type Session } from "sluice/npz";
import { keywordModel, strideOf } from "../model.ts";
import { Pieces } from "../pieces.ts";
import { RATE, Spotter } from "../spotter.ts";

/** From the page: a model's file; a sound begins, at `rate` Hz; a block of it. */
export type Order = { readonly file: ArrayBuffer } | { readonly rate: number } | { readonly block: Float32Array };

/** To the page. Each file gets `ready` or `error`. */
export interface Answer {
  readonly ready?: true;
  readonly error?: string;
  /** Of each of LABELS, in the last second. */
  readonly probabilities?: Float32Array;
  /** The index in LABELS of what is heard now and was not before. */
  readonly heard?: number | undefined;
}

/** What is more probable than this is said. */
const THRESHOLD = 0.9;

let session: Session | undefined;
let spotter: Spotter | undefined;
let pieces: Pieces | undefined;

const answer = (what: Answer) => postMessage(what);

async function open(file: ArrayBuffer): Promise<void> {
  session?.dispose();
  session = spotter = pieces = undefined;
  try {
    const model = keywordModel(readNpz(new Uint8Array(file)));
    const stride = strideOf(model);
    session = await createSession(model);
    spotter = new Spotter(session, { stride });
    answer({ ready: true });
  } catch (error) {
    answer({ error: (error as Error).message });
  }
}

addEventListener("message", ({ data }: MessageEvent<Order>) => {
  if ("file" in data) {
    open(data.file);
  } else if (spotter !== undefined && "rate" in data) {
    spotter.reset();
    pieces = new Pieces({ rate: data.rate, to: RATE, length: spotter.hop });
  } else if (spotter !== undefined && pieces !== undefined && "block" in data) {
    for (const piece of pieces.take(data.block)) {
      if (spotter.step(piece)) answer({ probabilities: spotter.probabilities, heard: spotter.heard(THRESHOLD) });
    }
  }
});
