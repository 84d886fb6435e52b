/** CAPA, STLS, USER, PASS, AUTH, UTF8, LANG, QUIT. RFC 1939 §4, RFC 2449, RFC 2595 §4, RFC 5034, RFC 6856, RFC 3206. */
import { decodeBase64 } from "../../net/base64.ts";
import { Absent, type Answer, command, Err, noArguments, type Start, type State } from "../command.ts";

const HANDSHAKE_MS = 10_000;
const MOST_SASL_BYTES = 4096;

export const capa = command({
  name: "CAPA",
  in: "any",
  run: (s, rest) => {
    noArguments(rest);
    return { text: "Capabilities follow", body: capabilities(s) };
  },
});

function capabilities({ session, at }: State): string {
  const lines = [
    "TOP",
    "UIDL",
    "RESP-CODES",
    "AUTH-RESP-CODE",
    "PIPELINING",
    "UTF8",
    "LANG",
    "EXPIRE NEVER",
    "IMPLEMENTATION Postern",
    ...(session.canStartTls && at === "authorization" ? ["STLS"] : []),
    // RFC 2449 §6.3: without USER where a password may not be sent.
    ...(session.plainAllowed ? ["USER", "SASL PLAIN"] : []),
  ];
  return lines.map((line) => `${line}\r\n`).join("");
}

export const stls = command({
  name: "STLS",
  in: "authorization",
  run: ({ session }, rest) => {
    noArguments(rest);
    const { tls } = session.server;
    if (tls === null || !session.canStartTls) throw new Err("TLS is not to be had here");
    session.afterReply(() => session.startTls(tls, HANDSHAKE_MS));
    return { text: "Begin TLS negotiation" };
  },
});

export const user = command({
  name: "USER",
  in: "authorization",
  run: (s, rest) => {
    needsTls(s);
    if (rest.length === 0) throw new Err("Name missing");
    s.user = rest.toString("utf8");
    // The same answer for every name: RFC 1939 §7 allows it, and whoever tries names learns nothing.
    return { text: "Send the password" };
  },
});

export const pass = command({
  name: "PASS",
  in: "authorization",
  run: (s, rest) => {
    needsTls(s);
    if (s.user === null) throw new Err("USER first");
    // RFC 1939 §7: a password may hold spaces, so it is all that stands behind the first one.
    const secret = Buffer.from(rest);
    rest.fill(0);
    return logIn(s, s.user, secret);
  },
});

export const auth = command({
  name: "AUTH",
  in: "authorization",
  run: async (s, rest) => {
    if (rest.length === 0) return { text: "", body: s.session.plainAllowed ? "PLAIN\r\n" : "" };
    needsTls(s);
    const space = rest.indexOf(0x20);
    const mechanism = rest.toString("latin1", 0, space < 0 ? rest.length : space).toUpperCase();
    if (mechanism !== "PLAIN") throw new Err("Unknown authentication mechanism");
    const { user, secret } = plain(space < 0 ? await response(s) : rest.subarray(space + 1));
    return await logIn(s, user, secret);
  },
});

async function response({ session }: Start): Promise<Buffer> {
  session.channel.write("+ \r\n");
  session.channel.flush();
  const line = await session.channel.line(MOST_SASL_BYTES);
  if (line === null || (line.length === 1 && line[0] === 0x2a)) throw new Err("Authentication cancelled");
  return line;
}

/** RFC 4616. */
function plain(base64: Buffer): { user: string; secret: Buffer } {
  const message = base64.length === 1 && base64[0] === 0x3d ? Buffer.alloc(0) : decodeBase64(base64);
  base64.fill(0);
  const first = message?.indexOf(0) ?? -1;
  const second = message?.indexOf(0, first + 1) ?? -1;
  if (!message || first < 0 || second < 0) throw new Err("Malformed SASL PLAIN message");
  const authzid = message.toString("utf8", 0, first);
  const user = message.toString("utf8", first + 1, second);
  const secret = Buffer.from(message.subarray(second + 1));
  message.fill(0);
  if (authzid !== "" && authzid.toLowerCase() !== user.toLowerCase()) throw new Err("Not for another user", "AUTH");
  return { user, secret };
}

function needsTls({ session }: Start): void {
  if (!session.plainAllowed) throw new Err("TLS is required before login", "AUTH");
}

async function logIn(s: Start, user: string, secret: Buffer): Promise<Answer> {
  const { session } = s;
  const { attempts, maildrops, limits } = session.server;
  s.user = null;
  if (attempts.isRefused(session.ip)) throw new Err("Too many failed logins from your address", "SYS/TEMP", true);
  const login = await maildrops.open(user, secret, { ip: session.ip });
  if (login.ok) {
    attempts.succeeded(session.ip);
    session.enter(login.maildrop);
    return { text: `${login.maildrop.messages.length} messages` };
  }
  // RFC 2449 §8.1.2: another session holds the lock.
  if (login.why === "in-use") throw new Err("Mailbox is open in another POP3 session", "IN-USE");
  if (login.why === "unavailable") throw new Err("Cannot log in at the moment, try again later", "SYS/TEMP");
  await session.pause.wait(attempts.failed(session.ip, user.toLowerCase()));
  throw new Err("Authentication failed", "AUTH", ++session.loginFailures >= limits.loginFailures);
}

/** RFC 6856 §2: names and passwords are UTF-8 anyway, and messages are given as they are. */
export const utf8 = command({
  name: "UTF8",
  in: "authorization",
  run: (_s, rest) => {
    noArguments(rest);
    return { text: "UTF-8 enabled" };
  },
});

/** RFC 6856 §3: texts are English, and a client may ask for that. */
export const lang = command({
  name: "LANG",
  in: "any",
  run: (_s, rest) => {
    if (rest.length === 0) return { text: "Language listing follows", body: "en English\r\n" };
    // A range as RFC 4647 §2.1 has it: English of any country will do, and "*" is the default.
    if (/^(?:\*|i-default|en(?:-[a-z0-9-]+)?)$/i.test(rest.toString("latin1"))) return { text: "en Texts are English" };
    throw new Absent("Only English is to be had");
  },
});

/** RFC 1939 §6: the only way to delete anything. */
export const quit = command({
  name: "QUIT",
  in: "any",
  run: async (s, rest) => {
    noArguments(rest);
    s.session.quit();
    if (s.at === "authorization") return { text: "Bye" };
    const uids = [...s.deleted].flatMap((n) => s.maildrop.messages[n - 1]?.uid ?? []);
    try {
      await s.maildrop.commit(uids);
    } catch {
      throw new Err("Some deleted messages were not removed", "SYS/TEMP");
    }
    return { text: "Bye" };
  },
});
