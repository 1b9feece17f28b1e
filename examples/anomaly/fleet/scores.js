/** The score log, from its start and on: one { sensor, text } after another. */

import { AckPolicy, DeliverPolicy } from "@nats-io/jetstream";

export async function* scoresOf(js, manager) {
  const { name } = await manager.consumers.add("SCORES", {
    deliver_policy: DeliverPolicy.All,
    ack_policy: AckPolicy.None,
    inactive_threshold: 60e9, // nanoseconds; the server forgets it then
    name: `log-${process.pid}`,
  });
  const consumer = await js.consumers.get("SCORES", name);
  for await (const message of await consumer.consume())
    yield { sensor: message.subject.slice("scores.".length), text: message.string() };
}
