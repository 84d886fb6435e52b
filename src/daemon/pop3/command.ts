/**
 * One row owns a POP3 command: its state, its arguments, its handler. A handler answers `+OK` text or yields what follows it; a
 * refusal is thrown. RFC 1939 §3, RFC 2449 §8 (response codes).
 */
import type { Maildrop } from "./port.ts";
import type { Session } from "./session.ts";

export type Start = { at: "authorization"; session: Session; user: string | null };
export type Transaction = {
  at: "transaction";
  session: Session;
  maildrop: Maildrop;
  /** Message numbers marked by DELE. */
  deleted: Set<number>;
};
export type State = Start | Transaction;
export type Needs = { any: State; authorization: Start; transaction: Transaction };

/** `-ERR [code] text` */
export class Err extends Error {
  readonly code: string | null;
  /** The session is over with it. */
  readonly isFinal: boolean;
  constructor(text: string, code: string | null = null, isFinal = false) {
    super(text);
    this.code = code;
    this.isFinal = isFinal;
  }
}

/** Asked rightly for what is not there: no sign of a client that does not speak POP3. */
export class Absent extends Err {}

/** The first line behind "+OK", and, for a multi-line reply, what stands between it and the final dot. */
export type Answer = { text: string; body?: string | Buffer };

export type Row<At extends keyof Needs> = {
  name: string;
  in: At;
  /** `rest`: what stands behind the name, as bytes: a password must not become a string. */
  run: (s: Needs[At], rest: Buffer) => Promise<Answer> | Answer;
};
export type Command = { name: string; begin: (state: State, rest: Buffer) => Promise<Answer> | Answer };

const allowed: Record<keyof Needs, readonly State["at"][]> = {
  any: ["authorization", "transaction"],
  authorization: ["authorization"],
  transaction: ["transaction"],
};

export function command<At extends keyof Needs>(row: Row<At>): Command {
  return {
    name: row.name,
    begin: (state, rest) => {
      if (!allowed[row.in].includes(state.at)) throw new Err(`${row.name} is not allowed now`);
      return row.run(state as Needs[At], rest);
    },
  };
}

export function noArguments(rest: Buffer): void {
  if (rest.length > 0) throw new Err("No arguments expected");
}

/** One or two decimal numbers. */
export function numbers(rest: Buffer, count: number): number[] {
  const words = rest.toString("latin1").trim().split(/ +/);
  if (words.length !== count || !words.every((word) => /^[0-9]{1,10}$/.test(word))) throw new Err("Invalid arguments");
  return words.map(Number);
}
