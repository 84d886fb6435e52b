/** Carrying out an automatic answer: once per sender in so many days, best effort, never the reason for a sender's retry. */
import { createHash } from "node:crypto";
import { lt } from "drizzle-orm";
import type { Header } from "../src/core/message/header.ts";
import { addressText } from "../src/core/rules/address.ts";
import { answerSubject, messageIdOf, type Vacation } from "../src/core/rules/vacation.ts";
import type { Found } from "./directory/routes.ts";
import { vacationSent } from "./directory/schema.ts";
import type { Edge } from "./platform.ts";
import { spoolLetter } from "./post.ts";

const dayMs = 86_400_000;

export type Answer = {
  vacation: Vacation;
  found: Found;
  mailFrom: string;
  header: Header;
  id: string;
  journal: string;
};

/** Its key in the spool; null when this sender had one lately, or no node is there to send it. */
export async function answer(
  edge: Edge,
  { vacation, found, mailFrom, header, id, journal }: Answer,
): Promise<string | null> {
  const { relay } = found.domain;
  if (relay === null || !(await isTurn(edge, vacation, mailFrom))) return null;
  const messageId = messageIdOf(header);
  const thread: [string, string][] =
    messageId === null
      ? []
      : [
          ["In-Reply-To", messageId],
          ["References", messageId],
        ];
  return spoolLetter(edge, relay, {
    id,
    journal,
    to: mailFrom,
    from: { address: addressText(found.address), name: "" },
    subject: answerSubject(vacation, header),
    text: vacation.text,
    submitted: "auto-replied",
    fields: thread,
  });
}

/** One statement, so that two messages at once can't both find it their turn. */
async function isTurn(edge: Edge, { alias, everyDays }: Vacation, mailFrom: string): Promise<boolean> {
  const sender = createHash("sha256").update(mailFrom.toLowerCase()).digest("hex");
  const now = edge.clock();
  const expiresAt = now + everyDays * dayMs;
  const rows = await edge.db
    .insert(vacationSent)
    .values({ alias, sender, expiresAt })
    .onConflictDoUpdate({
      target: [vacationSent.alias, vacationSent.sender],
      set: { expiresAt },
      setWhere: lt(vacationSent.expiresAt, now),
    })
    .returning({ alias: vacationSent.alias });
  return rows.length > 0;
}
