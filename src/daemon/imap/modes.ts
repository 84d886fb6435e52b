/**
 * What the client switched on for this session: by ENABLE, by a CONDSTORE-enabling command (RFC 7162 §3.1), by COMPRESS. They decide how replies
 * are spelled.
 */
export type Modes = {
  /** IMAP4rev2: ESEARCH, no \Recent, UTF-8 names (RFC 9051 appendix A). */
  rev2: boolean;
  utf8: boolean;
  condstore: boolean;
  qresync: boolean;
  uidonly: boolean;
  /** METADATA or METADATA-SERVER: unsolicited METADATA responses (RFC 5464 §4.1). */
  metadata: "none" | "server" | "all";
  compressed: boolean;
};

export function noModes(compressed = false): Modes {
  return { rev2: false, utf8: false, condstore: false, qresync: false, uidonly: false, metadata: "none", compressed };
}
