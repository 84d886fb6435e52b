/** One message that a search looks at. What costs a read is read when first asked for. */

import { readHeader } from "../../../core/message/header.ts";
import { Body } from "../body.ts";
import type { Mailbox } from "../mailbox.ts";
import type { PartMap } from "../mime/map.ts";
import { leaves, textOfPart } from "../mime/text.ts";
import { decodeWords } from "../mime/words.ts";
import { foldText } from "./fold.ts";
import { headerWords, partHeaders } from "./part-headers.ts";

type Words = {
  subject: string;
  from_: string;
  to_: string;
  cc: string;
  bcc: string;
  sent_day: number | null;
};
type Facts = { thread: number; header_size: number; parts: string; stretches: string | null };

const wordColumns = "subject, from_, to_, cc, bcc, sent_day";

export class Candidate {
  readonly uid: number;
  readonly message: number;
  readonly flags: number;
  readonly keywords: string;
  readonly modseq: number;
  readonly internalDate: number;
  readonly savedAt: number;
  readonly size: number;
  readonly #mailbox: Mailbox;
  #words: Words | undefined;
  #facts: Facts | undefined;
  #fields: [string, string][] | undefined;
  #bodyText: string | undefined;
  #partText: string | undefined;

  constructor(mailbox: Mailbox, row: CandidateTuple) {
    this.#mailbox = mailbox;
    [this.uid, this.message, this.flags, this.keywords, this.modseq, this.internalDate, this.savedAt, this.size] = row;
  }

  get words(): Words {
    this.#words ??= this.#mailbox.db.get<Words>(`SELECT ${wordColumns} FROM words WHERE message = ?`, this.message);
    if (!this.#words) throw new Error("a message without its words");
    return this.#words;
  }

  get facts(): Facts {
    this.#facts ??= this.#mailbox.db.get<Facts>(
      "SELECT thread, header_size, parts, stretches FROM message WHERE id = ?",
      this.message,
    );
    if (!this.#facts) throw new Error("an entry without its message");
    return this.#facts;
  }

  /** Header fields, names in lower case, values decoded and folded. */
  get fields(): readonly [name: string, value: string][] {
    this.#fields ??= fieldsOf(this.#body().range(0, this.facts.header_size));
    return this.#fields;
  }

  /** Decoded text of the body, folded. */
  get bodyText(): string {
    this.#bodyText ??= foldText(textOf(this.#body()));
    return this.#bodyText;
  }

  /** Headers of the parts, folded. */
  get partText(): string {
    this.#partText ??= foldText(partHeaders(this.#body()));
    return this.#partText;
  }

  /** Everything that a text search may find, for the index. */
  get allText(): string {
    const { subject, from_, to_, cc, bcc } = this.words;
    const words = [subject, from_, to_, cc, bcc].map(foldText);
    const fields = this.fields.map(([name, value]) => `${name}: ${value}`);
    return [...words, ...fields, this.partText, this.bodyText].join("\n");
  }

  #body(): Body {
    const { header_size: headerSize, parts, stretches } = this.facts;
    return new Body(this.#mailbox.db, { message: this.message, size: this.size, headerSize, parts, stretches });
  }
}

export type CandidateTuple = [
  uid: number,
  message: number,
  flags: number,
  keywords: string,
  modseq: number,
  internalDate: number,
  savedAt: number,
  size: number,
];

function fieldsOf(bytes: Uint8Array): [string, string][] {
  const header = readHeader(bytes);
  return header.fields.map((field): [string, string] => {
    const value = Buffer.from(bytes.subarray(Math.min(field.colon + 1, field.end), field.end)).toString("latin1");
    return [field.name, foldText(decodeWords(value.replace(/\r?\n/g, "").trim()))];
  });
}

/** Text of all leaves, and the headers of embedded messages. */
export function textOf(body: Body): string {
  const texts: string[] = [];
  for (const part of leaves(body.map)) {
    if (part[5].startsWith("text/")) texts.push(textOfPart(part, body.range(part[1], part[2])) ?? "");
  }
  for (const inner of embedded(body.map)) texts.push(headerWords(body.range(inner[0], inner[1])));
  return texts.join("\n");
}

function* embedded(part: PartMap): Generator<PartMap> {
  const inner = part[7];
  if (inner) {
    yield inner;
    yield* embedded(inner);
  }
  for (const child of part[6]) yield* embedded(child);
}
