/**
 * How a command ends. Handlers return `ok()` or throw `No` or `Bad`; anything else thrown is a bug, logged and answered
 * `NO [SERVERBUG]`. `code` is the response code without its brackets (RFC 9051 §7.1).
 */
import type { RefusalCode } from "./port.ts";

export type Ok = { code: string | null; text: string | null };

export function ok(code: string | null = null, text: string | null = null): Ok {
  return { code, text };
}

/** Understood and refused. */
export class No extends Error {
  readonly code: string | null;
  constructor(code: string | null, text: string) {
    super(text);
    this.code = code;
  }
}

/** Not understood, or not now. */
export class Bad extends Error {
  readonly code: string | null;
  constructor(text: string, code: string | null = null) {
    super(text);
    this.code = code;
  }
}

/** The session is over: said as BYE. */
export class Bye extends Error {
  readonly code: string | null;
  constructor(text: string, code: string | null = null) {
    super(text);
    this.code = code;
  }
}

const refusals: Record<RefusalCode, string> = {
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
  SERVERBUG: "SERVERBUG",
};

/** A store's refusal as NO; null when the error is none. */
export function refusalOf(error: unknown): No | null {
  if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return null;
  const code = Object.hasOwn(refusals, error.code) ? refusals[error.code as RefusalCode] : null;
  // RFC 9051 §7.1 gives READ-ONLY another meaning: it announces, it does not refuse.
  return code === null ? null : new No(code === "READ-ONLY" ? "CANNOT" : code, error.message);
}
