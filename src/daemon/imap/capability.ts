/**
 * CAPABILITY, computed from the command rows: what is offered is what has a row, in the state the session is in. Extensions that
 * are behaviours of several commands are listed here, each with its RFC.
 */

import { limits } from "../../core/limits.ts";
import type { Facts } from "./command.ts";
import { allCommands } from "./commands/index.ts";

/** Behaviours that no single row owns, once logged in. */
const behaviours: readonly string[] = [
  "BINARY", // RFC 3516
  "CHILDREN", // RFC 3348
  "CONDSTORE", // RFC 7162
  "ESEARCH", // RFC 4731
  "INPROGRESS", // RFC 9585
  "LIST-EXTENDED", // RFC 5258
  "LIST-METADATA", // RFC 9590
  "LIST-STATUS", // RFC 5819
  "OBJECTID", // RFC 8474
  "PARTIAL", // RFC 9394
  "PREVIEW", // RFC 8970
  "QRESYNC", // RFC 7162
  "SAVEDATE", // RFC 8514
  "SEARCHRES", // RFC 5182
  "SPECIAL-USE", // RFC 6154
  "CREATE-SPECIAL-USE", // RFC 6154
  "STATUS=SIZE", // RFC 8438
  "UIDONLY", // RFC 9586
  "UTF8=ACCEPT", // RFC 6855
  "WITHIN", // RFC 5032
  `APPENDLIMIT=${limits.messageBytes}`, // RFC 7889
];

/** RFC 9051 appendix E: a rev2 server says IMAP4rev1 too where it serves both. */
const always = ["IMAP4rev2", "IMAP4rev1", "LITERAL+", "SASL-IR", "ENABLE", "ID"];

const known = new Map<string, string>();

export function capabilities(facts: Facts): string {
  const key = Object.values(facts).join();
  const text = known.get(key) ?? compute(facts);
  known.set(key, text);
  return text;
}

function compute(facts: Facts): string {
  const rows = allCommands.flatMap(({ capability }) =>
    typeof capability === "function" ? capability(facts) : facts.at === "start" ? [] : (capability ?? []),
  );
  // RFC 9738.
  const loggedIn = facts.at === "start" ? [] : [...behaviours, `MESSAGELIMIT=${facts.messageLimit}`];
  return [...new Set([...always, ...rows, ...loggedIn])].join(" ");
}
