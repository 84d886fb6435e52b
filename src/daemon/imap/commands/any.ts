/** CAPABILITY, NOOP, LOGOUT, ID: in any state. RFC 9051 §6.1, RFC 2971. */
import { Bad, ok } from "../answers.ts";
import { command } from "../command.ts";
import type { Decoder } from "../wire/decoder.ts";

export const capability = command({
  name: "CAPABILITY",
  in: "any",
  parse: () => null,
  async *run(s) {
    yield `* CAPABILITY ${s.session.capabilities}\r\n`;
    return ok();
  },
});

/** NOOP; CHECK is its rev1 twin (RFC 3501 §6.4.1): everything here is durable already. */
export const noop = command({
  name: "NOOP",
  in: "any",
  parse: () => null,
  async run() {
    return ok();
  },
});

export const check = command({
  name: "CHECK",
  in: "selected",
  parse: () => null,
  async run() {
    return ok();
  },
});

export const logout = command({
  name: "LOGOUT",
  in: "any",
  parse: () => null,
  async *run(s) {
    yield "* BYE Logging out\r\n";
    s.session.logOut();
    return ok();
  },
});

/** What the client says of itself is not kept: it is not needed, and people have put addresses into it. */
export const id = command({
  name: "ID",
  in: "any",
  parse: parameters,
  async *run() {
    yield '* ID ("name" "Postern")\r\n';
    return ok();
  },
});

function parameters(d: Decoder): null {
  d.sp();
  if (d.takeWord("NIL")) return null;
  // RFC 2971 §3.3: 30 pairs at most.
  let isName = true;
  d.list(() => {
    if (isName) d.string();
    else d.nstring();
    isName = !isName;
  }, 60);
  if (!isName) throw new Bad("A field without a value");
  return null;
}
