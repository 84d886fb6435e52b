/**
 * Moving a mailbox between nodes, in the words of the three that take part. The edge decides; the new node fetches the mailbox from the
 * old one with a call that the edge signed; only the edge's compare-and-set says where the mailbox lives.
 */
import { z } from "zod";
import { mailboxRecordSchema } from "./mailbox.ts";

const id = z.string().min(1).max(64);

export const moveStateSchema = z.enum(["asked", "moved", "cancelled"]);
export type MoveState = z.infer<typeof moveStateSchema>;

/** To the new node: fetch this mailbox. `call` is complete: signed for the old node, sent as it stands, dead after the call skew. */
export const incomingMoveSchema = z.strictObject({
  move: id,
  mailbox: id,
  /** Its epoch while it is at the old node. */
  epoch: z.int().nonnegative(),
  from: z.strictObject({ node: id, origin: z.string().max(300) }),
  call: z.strictObject({ headers: z.record(z.string(), z.string()), body: z.string() }),
});
export type IncomingMove = z.infer<typeof incomingMoveSchema>;

/** To the old node, of a move that it asked about. `epoch`: the mailbox's, at the new node, once it is there. */
export const leavingMoveSchema = z.strictObject({ move: id, state: moveStateSchema, epoch: z.int() });
export type LeavingMove = z.infer<typeof leavingMoveSchema>;

/** To a node that holds a mailbox which lives at another one since that epoch. */
export const elsewhereSchema = z.strictObject({ id, epoch: z.int() });

/**
 * From the new node. `here`: all of it is on this node's disk, verified, and serves nobody yet; with `epoch`, it lives here since then
 * already, which a directory that was put back to an earlier time can't know.
 */
export const moveNewsSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("here"), move: id, epoch: z.int().positive().optional() }),
  z.strictObject({ kind: z.literal("trouble"), move: id, text: z.string().max(300) }),
]);
export type MoveNews = z.infer<typeof moveNewsSchema>;

/** `mailbox`: its record at this node, where the move has succeeded. */
export const moveAnswerSchema = z.strictObject({ state: moveStateSchema, mailbox: mailboxRecordSchema.nullable() });
export type MoveAnswer = z.infer<typeof moveAnswerSchema>;
