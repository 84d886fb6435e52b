/**
 * One row owns a command: the states it may be given in, its UID form, whether it writes, its parser and its handler.
 * Dispatch, the state check and CAPABILITY are computed from the rows (commands/index.ts).
 */
import type { ReadAhead } from "./ahead.ts";
import type { Ok } from "./answers.ts";
import type { Account, Box } from "./port.ts";
import type { Session } from "./session.ts";
import type { View } from "./view/view.ts";
import type { Decoder } from "./wire/decoder.ts";
import type { LiteralHeader } from "./wire/reader.ts";

export type Start = { at: "start"; session: Session };
export type Authenticated = { at: "authenticated"; session: Session; account: Account };
export type Selected = {
  at: "selected";
  session: Session;
  account: Account;
  box: Box;
  view: View;
  ahead: ReadAhead;
};
export type State = Start | Authenticated | Selected;

/** States a command may be given in, and what its handler then has. */
export type Needs = {
  any: State;
  start: Start;
  authenticated: Authenticated | Selected;
  selected: Selected;
};

/** Whole responses as latin-1 text (one character a byte) or bytes, CRLF included. */
export type Reply = string | Buffer;
export type Replies = AsyncGenerator<Reply, Ok>;
/** A handler with nothing to say before its end is a plain async function. */
export type Outcome = Replies | Promise<Ok>;

/** What the session makes of a capability: which of them hold now. */
export type Facts = {
  at: State["at"];
  secure: boolean;
  canStartTls: boolean;
  plainAllowed: boolean;
  messageLimit: number;
  compressed: boolean;
};

export type Row<At extends keyof Needs, Args> = {
  name: string;
  in: At;
  /** There is a UID form too; "only": there is nothing but the UID form. */
  uid?: boolean | "only";
  /** Refused in a folder that was opened read-only. */
  writes?: boolean;
  /** Message numbers are in flight: EXPUNGE waits (RFC 9051 §7.5.1). Its UID form never holds. */
  holdsExpunge?: boolean;
  /** Names in CAPABILITY that this command is behind. */
  capability?: readonly string[] | ((facts: Facts) => readonly string[]);
  /** Its literals may be messages; judged before the bytes come. `d` stands behind the command's name. */
  admit?: (s: Needs[At], literal: LiteralHeader, d: Decoder) => Promise<void> | void;
  parse: (d: Decoder, uid: boolean, s: Needs[At]) => Args;
  run: (s: Needs[At], args: Args, uid: boolean) => Outcome;
};

/** A row with its argument type closed over. */
export type Command = Omit<Row<keyof Needs, unknown>, "parse" | "run" | "admit"> & {
  admit: ((state: State, literal: LiteralHeader, d: Decoder) => Promise<void> | void) | null;
  /** Parses at once (throws Bad), runs when iterated. null: not in this state. */
  begin: (state: State, d: Decoder, uid: boolean) => Outcome | null;
};

export function command<At extends keyof Needs, Args>(row: Row<At, Args>): Command {
  const { parse, run, admit, ...facts } = row;
  return {
    ...facts,
    admit: admit
      ? (state, literal, d) => {
          const s = narrow(row.in, state);
          return s ? admit(s, literal, d) : undefined;
        }
      : null,
    begin: (state, d, uid) => {
      const s = narrow(row.in, state);
      if (!s) return null;
      const args = parse(d, uid, s);
      d.end();
      return run(s, args, uid);
    },
  };
}

const allowed: Record<keyof Needs, readonly State["at"][]> = {
  any: ["start", "authenticated", "selected"],
  start: ["start"],
  authenticated: ["authenticated", "selected"],
  selected: ["selected"],
};

/** The one place where a state's name stands for its type. */
function narrow<At extends keyof Needs>(needs: At, state: State): Needs[At] | null {
  return allowed[needs].includes(state.at) ? (state as Needs[At]) : null;
}
