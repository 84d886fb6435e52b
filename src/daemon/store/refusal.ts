/** An expected refusal: `code` is an IMAP response code, the text is public. Everything else thrown is a bug. */
export type Code =
  | "NONEXISTENT"
  | "ALREADYEXISTS"
  | "CANNOT"
  | "OVERQUOTA"
  | "LIMIT"
  | "TRYCREATE"
  | "HASCHILDREN"
  | "UNAVAILABLE"
  | "READ-ONLY"
  | "USEATTR"
  | "METADATA TOOMANY"
  /** RFC 5530 §3: pages of it are damaged. */
  | "CORRUPTION"
  | "SERVERBUG";

export class Refusal extends Error {
  readonly code: Code;

  constructor(code: Code, text: string) {
    super(text);
    this.name = "Refusal";
    this.code = code;
  }
}
