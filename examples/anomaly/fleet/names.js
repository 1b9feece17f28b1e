/** A connection → what the fleet has in JetStream, made where it is not there: two streams, a consumer, a bucket. */

import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import { connect, nanos } from "@nats-io/transport-node";

/** A worker that died has its readings redelivered after this. */
const REDELIVER = nanos(1000);

/** A score that a second worker publishes again within this is dropped by the server: far longer than REDELIVER. */
const DUPLICATES = nanos(10 * 60_000);

/** A connection that is lost is not made again: what was under way is unknown, and a program that starts anew finds out. */
export async function open(port) {
  const connection = await connect({ servers: `127.0.0.1:${port}`, reconnect: false });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name: "READINGS", subjects: ["readings.*"], duplicate_window: DUPLICATES });
  await manager.streams.add({ name: "SCORES", subjects: ["scores.*"], duplicate_window: DUPLICATES });
  await manager.consumers.add("READINGS", {
    durable_name: "scorers", // one for all workers: each reading goes to one of them
    ack_policy: AckPolicy.Explicit,
    ack_wait: REDELIVER,
    max_ack_pending: 256,
  });
  const js = jetstream(connection);
  const states = await new Kvm(js).create("sensors", { history: 1 });
  return { connection, manager, js, states };
}
