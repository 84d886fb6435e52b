/**
 * STARTTLS, LOGIN, AUTHENTICATE, UNAUTHENTICATE. RFC 9051 §6.2, RFC 4959 (SASL-IR), RFC 8437. A failure is slow, counted and
 * the same for an unknown user and a wrong password; a password stays in buffers, which are zeroed.
 */
import { decodeBase64 } from "../../net/base64.ts";
import { Bad, Bye, No, type Ok, ok } from "../answers.ts";
import { command, type Facts, type Replies, type Start } from "../command.ts";
import { answerLine } from "../wire/reader.ts";

const HANDSHAKE_MS = 10_000;
/** RFC 9051 §9 leaves it open; SASL PLAIN needs 3 × 255 bytes. */
const MOST_SASL_BYTES = 4096;

export const startTls = command({
  name: "STARTTLS",
  in: "start",
  capability: (facts) => (facts.canStartTls && facts.at === "start" ? ["STARTTLS"] : []),
  parse: () => null,
  async run(s) {
    const { tls } = s.session.server;
    if (!s.session.facts.canStartTls || tls === null) throw new Bad("TLS is not to be had here");
    s.session.afterReply(() => s.session.startTls(tls, HANDSHAKE_MS));
    return ok(null, "Begin TLS negotiation now");
  },
});

export const login = command({
  name: "LOGIN",
  in: "start",
  capability: (facts) => (facts.at === "start" && !facts.plainAllowed ? ["LOGINDISABLED"] : []),
  parse: (d) => ({ user: d.sp().astring(), secret: d.sp().secret() }),
  async run(s, { user, secret }) {
    return await logIn(s, user, secret);
  },
});

function mechanisms(facts: Facts): string[] {
  return facts.at === "start" && facts.plainAllowed ? ["AUTH=PLAIN", "AUTH=LOGIN"] : [];
}

export const authenticate = command({
  name: "AUTHENTICATE",
  in: "start",
  capability: mechanisms,
  parse: (d) => ({ mechanism: d.sp().word(), initial: d.take(" ") ? d.rest() : null }),
  async *run(s, { mechanism, initial }) {
    if (mechanism !== "PLAIN" && mechanism !== "LOGIN") throw new No("CANNOT", "Unknown authentication mechanism");
    // Before the challenge, not after it: the password must not be sent in clear at all.
    if (!s.session.facts.plainAllowed) throw new No("PRIVACYREQUIRED", "TLS is required before login");
    return yield* mechanism === "PLAIN" ? plain(s, initial) : loginMechanism(s, initial);
  },
});

/** RFC 4616: [authzid] NUL authcid NUL passwd. */
async function* plain(s: Start, initial: Buffer | null): Replies {
  const message = initial === null ? yield* challenge(s, "") : decoded(initial);
  const first = message.indexOf(0);
  const second = message.indexOf(0, first + 1);
  if (first < 0 || second < 0) throw new Bad("Malformed SASL PLAIN message");
  const authzid = message.toString("utf8", 0, first);
  const user = message.toString("utf8", first + 1, second);
  const secret = Buffer.from(message.subarray(second + 1));
  message.fill(0);
  // Acting for someone else is not to be had: an app password belongs to one mailbox.
  if (authzid !== "" && authzid.toLowerCase() !== user.toLowerCase())
    throw new No("AUTHORIZATIONFAILED", "Not for another user");
  return await logIn(s, user, secret);
}

/** The unregistered LOGIN mechanism, which Outlook still prefers. */
async function* loginMechanism(s: Start, initial: Buffer | null): Replies {
  const user = initial === null ? yield* challenge(s, "VXNlcm5hbWU6") : decoded(initial);
  const secret = yield* challenge(s, "UGFzc3dvcmQ6");
  return await logIn(s, user.toString("utf8"), secret);
}

async function* challenge(s: Start, text: string): AsyncGenerator<string, Buffer> {
  yield `+ ${text}\r\n`;
  s.session.channel.flush();
  const line = await answerLine(s.session.channel, MOST_SASL_BYTES);
  // RFC 9051 §6.2.2: "*" alone cancels.
  if (line.length === 1 && line[0] === 0x2a) throw new Bad("Authentication cancelled");
  return decoded(line);
}

function decoded(base64: Buffer): Buffer {
  // RFC 4959 §3: "=" stands for an empty initial response.
  const bytes = base64.length === 1 && base64[0] === 0x3d ? Buffer.alloc(0) : decodeBase64(base64);
  base64.fill(0);
  if (bytes === null) throw new Bad("Invalid base64");
  return bytes;
}

async function logIn(s: Start, user: string, secret: Buffer): Promise<Ok> {
  const { session } = s;
  const { attempts, mailboxes } = session.server;
  if (!session.facts.plainAllowed) {
    secret.fill(0);
    throw new No("PRIVACYREQUIRED", "TLS is required before login");
  }
  if (attempts.isRefused(session.ip)) throw new Bye("Too many failed logins from your address", "UNAVAILABLE");
  const login = await mailboxes.login(user, secret, { ip: session.ip, protocol: "imap" });
  if (login.ok) {
    attempts.succeeded(session.ip);
    session.enter(login.account);
    return ok(`CAPABILITY ${session.capabilities}`, "Logged in");
  }
  if (login.why === "unavailable") throw new No("UNAVAILABLE", "Cannot log in at the moment, try again later");
  await session.pause.wait(attempts.failed(session.ip, user.toLowerCase()));
  if (++session.loginFailures >= session.server.limits.loginFailures) throw new Bye("Too many failed logins");
  throw new No("AUTHENTICATIONFAILED", "Authentication failed");
}

export const unauthenticate = command({
  name: "UNAUTHENTICATE",
  in: "authenticated",
  capability: ["UNAUTHENTICATE"],
  parse: () => null,
  async run(s) {
    await s.session.exit();
    return ok();
  },
});
