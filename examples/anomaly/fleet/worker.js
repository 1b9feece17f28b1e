/**
 * Readings from the queue → scores, each exactly once and in each sensor's order, whenever this process dies.
 *
 * A sensor's state lives in the bucket: 8 bytes with the number of the last reading it has seen, then what the detector
 * saved. A reading at or below that number is dropped; one that is early goes back. Otherwise it is scored, the score is
 * published under an id that the server keeps once, the state is written only over the revision that it came from, and the
 * reading is acknowledged, in this order: after a death at any point the next worker either does the same again, with the
 * same bits, or finds it done. A server that dies takes its workers with it, whose readings come again.
 */

import { JetStreamApiError } from "@nats-io/jetstream";
import { Detector } from "../detector.ts";
import { openSession } from "../session.ts";
import { open } from "./names.js";

const EARLY = 20; // milliseconds until an early reading comes again
const WRONG_REVISION = 10071; // the server's code: somebody else has written
const BATCH = 32; // readings asked for at a time
const KNOWN = 10_000; // sensors whose detectors are kept; the others' are in the bucket

const [port] = process.argv.slice(2);
const session = await openSession();
const { connection, js, states } = await open(port);
connection.closed().then(() => process.exit(1)); // whoever keeps this program starts it again

/** Sensor → { detector, seq, revision }, as of the last time that this worker wrote or read it; the longest unread first. */
const known = new Map();

const consumer = await js.consumers.get("READINGS", "scorers");
console.log("ready");
for await (const message of await consumer.consume({ max_messages: BATCH })) {
  const sensor = message.subject.slice("readings.".length);
  const { seq, value } = message.json();
  // Old is old, whoever has gone on; for the next reading what was kept is of use only where nobody has.
  let state = known.get(sensor);
  if (!(seq < state?.seq + 2)) state = await read(sensor);
  if (seq <= state.seq) message.ack();
  else if (seq > state.seq + 1) message.nak(EARLY);
  else if (await advance(sensor, state, value)) message.ack();
  else message.nak(EARLY);
}
process.exit(1); // the consumer is gone

async function read(sensor) {
  const entry = await states.get(sensor);
  const detector = known.get(sensor)?.detector ?? new Detector(session);
  let seq = 0;
  if (entry !== null) {
    const bytes = entry.value;
    seq = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    detector.load(bytes.slice(8));
  }
  const state = { detector, seq, revision: entry?.revision ?? 0 };
  known.delete(sensor);
  known.set(sensor, state);
  if (known.size > KNOWN) {
    const [oldest, { detector: unused }] = known.entries().next().value;
    known.delete(oldest);
    unused.dispose();
  }
  return state;
}

/** False where another worker was first. */
async function advance(sensor, state, value) {
  const seq = state.seq + 1;
  const { surprise, loudness, alarm } = state.detector.score(value);
  const saved = state.detector.save();
  const bytes = new Uint8Array(8 + saved.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(seq), true);
  bytes.set(saved, 8);
  const id = `${sensor} ${seq}`;
  await js.publish(`scores.${sensor}`, JSON.stringify({ seq, value, surprise, loudness, alarm }), { msgID: id });
  try {
    state.revision = await states.put(sensor, bytes, { previousSeq: state.revision });
    state.seq = seq;
    return true;
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.code !== WRONG_REVISION) throw error;
    state.seq = Number.NaN; // to be read again
    return false;
  }
}
