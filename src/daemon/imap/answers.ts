/**
 * How a command ends. Handlers return `ok()` or throw `No` or `Bad`; anything else thrown is a bug, logged and answered
 * `NO [SERVERBUG]`. `code` is the response code without its brackets (RFC 9051 §7.1).
 */
import type { RefusalCode } from "./port.ts";

/** Every response code this server says, RFC 9051 §7.1 and extensions; each has its transcript. */
export const codes = [
  "ALREADYEXISTS",
  "APPENDUID",
  "AUTHENTICATIONFAILED",
  "AUTHORIZATIONFAILED",
  "BADCHARSET",
  "BADEVENT",
  "CANNOT",
  "CAPABILITY",
  "CLOSED",
  "COMPRESSIONACTIVE",
  "COPYUID",
  "CORRUPTION",
  "EXPUNGEISSUED",
  "HASCHILDREN",
  "HIGHESTMODSEQ",
  "INPROGRESS",
  "LIMIT",
  "MAILBOXID",
  "MESSAGELIMIT",
  "METADATA",
  "MODIFIED",
  "NONEXISTENT",
  "NOPERM",
  "NOTIFICATIONOVERFLOW",
  "OVERQUOTA",
  "PERMANENTFLAGS",
  "PRIVACYREQUIRED",
  "READ-ONLY",
  "READ-WRITE",
  "SERVERBUG",
  "TOOBIG",
  "TRYCREATE",
  "UIDNEXT",
  "UIDREQUIRED",
  "UIDVALIDITY",
  "UNAVAILABLE",
  "UNKNOWN-CTE",
  "UNSEEN",
  "USEATTR",
] as const;
/** A code with its arguments, without brackets. */
export type Code = (typeof codes)[number] | `${(typeof codes)[number]} ${string}`;

export type Ok = { code: Code | null; text: string | null };

export function ok(code: Code | null = null, text: string | null = null): Ok {
  return { code, text };
}

/** Understood and refused. */
export class No extends Error {
  readonly code: Code | null;
  constructor(code: Code | null, text: string) {
    super(text);
    this.code = code;
  }
}

/** Not understood, or not now. */
export class Bad extends Error {
  readonly code: Code | null;
  constructor(text: string, code: Code | null = null) {
    super(text);
    this.code = code;
  }
}

/** The session is over: said as BYE. */
export class Bye extends Error {
  readonly code: Code | null;
  constructor(text: string, code: Code | null = null) {
    super(text);
    this.code = code;
  }
}

const refusals: Record<RefusalCode, Code> = {
  NONEXISTENT: "NONEXISTENT",
  ALREADYEXISTS: "ALREADYEXISTS",
  CANNOT: "CANNOT",
  OVERQUOTA: "OVERQUOTA",
  LIMIT: "LIMIT",
  TRYCREATE: "TRYCREATE",
  HASCHILDREN: "HASCHILDREN",
  UNAVAILABLE: "UNAVAILABLE",
  "READ-ONLY": "READ-ONLY",
  USEATTR: "USEATTR",
  "METADATA TOOMANY": "METADATA TOOMANY",
  CORRUPTION: "CORRUPTION",
  SERVERBUG: "SERVERBUG",
};

/** A store's refusal as NO; null when the error is none. */
export function refusalOf(error: unknown): No | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return null;
  const code = Object.hasOwn(refusals, error.code) ? refusals[error.code as RefusalCode] : null;
  // RFC 9051 §7.1 gives READ-ONLY another meaning: it announces, it does not refuse.
  return code === null ? null : new No(code === "READ-ONLY" ? "CANNOT" : code, error.message);
}
