/** A door with an edge that records what it is handed; answers are set by the test. */
import type { IngestAnswer, IngestEnvelope, RcptAnswer } from "../../../src/core/contract/handoff.ts";
import type { BouncePort, FailedDelivery, RcptQuestion } from "../../../src/daemon/door/port.ts";
import { type DoorOptions, doorServer, type RunningDoor } from "../../../src/daemon/door/server.ts";

export type Taken = { envelope: IngestEnvelope; raw: Buffer };

export type World = {
  door: RunningDoor;
  asked: RcptQuestion[];
  taken: Taken[];
  returned: { recipient: string; raw: Buffer }[];
  notified: FailedDelivery[];
  answerRcpt: (question: RcptQuestion) => Promise<RcptAnswer>;
  answerIngest: (envelope: IngestEnvelope) => Promise<IngestAnswer>;
  clock: { now: number };
};

export const takeAll = (envelope: IngestEnvelope, pathProven = true): IngestAnswer => ({
  outcomes: envelope.recipients.map((recipient) => outcome(recipient, "accepted")),
  pathProven,
});

export function outcome(
  recipient: string,
  kind: "accepted" | "refused" | "deferred",
): IngestAnswer["outcomes"][number] {
  const facts = {
    accepted: { code: 250, enhanced: "2.0.0", text: "taken" },
    refused: { code: 550, enhanced: "5.7.1", text: "not wanted" },
    deferred: { code: 451, enhanced: "4.3.0", text: "later" },
  };
  return { recipient, kind, ...facts[kind] };
}

export async function openDoor(options: Partial<DoorOptions> = {}): Promise<World> {
  const clock = { now: Date.UTC(2026, 10, 24) };
  const world: Omit<World, "door"> = {
    asked: [],
    taken: [],
    returned: [],
    notified: [],
    answerRcpt: async () => ({ kind: "ok" }),
    answerIngest: async (envelope) => takeAll(envelope),
    clock,
  };
  const bounces: BouncePort = {
    recognise: (recipient) =>
      recipient.startsWith("SRS0=") ? "ours" : recipient.startsWith("SRS0=bad") ? "forged" : null,
    returnToAuthor: async ({ recipient, raw }) => {
      world.returned.push({ recipient, raw: Buffer.from(raw) });
    },
    notifyAuthor: async (failure) => {
      world.notified.push({ ...failure, raw: Buffer.from(failure.raw) });
    },
  };
  const door = await doorServer({
    host: "127.0.0.1",
    port: 0,
    name: "mx.node.test",
    edge: {
      rcpt(question) {
        world.asked.push(question);
        return world.answerRcpt(question);
      },
      ingest(envelope, raw) {
        // The door frees the message's memory when it has answered.
        world.taken.push({ envelope, raw: Buffer.from(raw) });
        return world.answerIngest(envelope);
      },
    },
    bounces,
    tls: null,
    clock: () => clock.now,
    log: () => undefined,
    ...options,
  });
  return Object.assign(world, { door });
}
