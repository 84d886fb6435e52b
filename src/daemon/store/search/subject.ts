/** The base subject of RFC 5256 §2.1. `text` is decoded. */
export function baseSubject(text: string): { base: string; isReply: boolean } {
  let rest = text.replace(/\s+/g, " ").trim();
  let isReply = false;
  for (;;) {
    const before = rest;
    rest = withoutTrailer(rest);
    const lead = withoutLeaders(rest);
    if (lead.replied) isReply = true;
    rest = lead.rest;
    const forwarded = rest.match(/^\[fwd:(.*)\]$/is);
    if (forwarded) {
      isReply = true;
      rest = (forwarded[1] ?? "").trim();
    }
    if (rest === before) return { base: rest.toUpperCase(), isReply };
  }
}

function withoutTrailer(text: string): string {
  const cut = text.replace(/\s*\(fwd\)$/i, "");
  return cut === text ? text.trimEnd() : withoutTrailer(cut);
}

function withoutLeaders(text: string): { rest: string; replied: boolean } {
  const reply = text.match(/^(?:\[[^[\]]*\]\s*)*(?:re|fwd?)\s*(?:\[[^[\]]*\])?\s*:\s*/i);
  if (reply) return { rest: text.slice(reply[0].length), replied: true };
  // A blob stays where nothing would be left without it.
  const blob = text.match(/^\[[^[\]]*\]\s*(?=.)/s);
  return { rest: blob ? text.slice(blob[0].length) : text, replied: false };
}
