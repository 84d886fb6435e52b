/**
 * One attempt: host after host, address after address, until one gives a final answer. A refusal of the message is final
 * at the first host that speaks it; a host that can't be talked to, or says 4xx, gives way to the next (RFC 5321 §5.1).
 */
import { domainToASCII } from "node:url";
import type { Clock } from "../../core/ports.ts";
import type { Connect } from "../net/connect.ts";
import type { Ending } from "./ending.ts";
import { type HostsDeps, type Route, type Target, targetsFor } from "./hosts.ts";
import type { Reuse } from "./reuse.ts";
import { oneLine, openConversation, type Sent } from "./smtp.ts";

/** RFC 8314 §3.3: TLS from the first byte; only a fixed route names it. */
const submissions = 465;

export type Outgoing = { from: string; to: string; route: Route; raw: Uint8Array; smtputf8: boolean };

export type DeliverDeps = HostsDeps & {
  connect: Connect;
  /** Conversations that are still open from a message before. */
  reuse: Reuse;
  /** Our name in EHLO. */
  name: string;
  replyTimeoutMs: number;
  clock: Clock;
  /** The destination's best mail host is this one. */
  atHome(): Promise<Ending>;
};

/** After this long no further address is tried: slow hosts must not hold a place that others wait for. */
const patienceMs = 15 * 60_000;

export async function deliver(mail: Outgoing, deps: DeliverDeps): Promise<Ending> {
  const to = withAsciiDomain(mail.to);
  const found = await targetsFor(to.slice(to.lastIndexOf("@") + 1), mail.route, deps);
  if (found.kind === "nowhere") return found.ending;
  if (found.kind === "home") return deps.atHome();
  mail = { ...mail, to, from: withAsciiDomain(mail.from) };
  const began = deps.clock();
  let last = unreachable("", "no host could be reached");
  for (const target of found.targets) {
    for (const address of target.addresses) {
      last = await tryAddress(mail, target, address, deps);
      if (last.kind !== "tempfail" || deps.clock() - began > patienceMs) return last;
    }
  }
  return last;
}

/** In A-label form a domain needs no SMTPUTF8 of the other host (RFC 5891 §4). */
export function withAsciiDomain(address: string): string {
  const at = address.lastIndexOf("@") + 1;
  const domain = address.slice(at);
  return at === 0
    ? address
    : address.slice(0, at) + (domain.startsWith("[") ? domain : domainToASCII(domain) || domain);
}

async function tryAddress(mail: Outgoing, target: Target, address: string, deps: DeliverDeps): Promise<Ending> {
  const first = await talk(mail, target, address, "opportunistic", deps);
  // RFC 7435: a TLS that can't be had is no reason to keep the mail; plain text is what would have been without it.
  const mayBePlain = target.port !== submissions;
  const sent =
    first.kind === "broken" && first.tls && mayBePlain ? await talk(mail, target, address, "none", deps) : first;
  return endingOf(sent, target.host);
}

async function talk(
  mail: Outgoing,
  { host, port }: Target,
  address: string,
  tls: "opportunistic" | "none",
  deps: DeliverDeps,
): Promise<Sent> {
  const envelope = { from: mail.from, to: [mail.to], smtputf8: mail.smtputf8 };
  const key = `${host} ${address} ${port} ${tls}`;
  const kept = deps.reuse.take(key);
  if (kept !== null) {
    const sent = await kept.send(envelope, mail.raw);
    deps.reuse.give(key, kept, sent);
    if (!isStale(sent)) return sent;
  }
  const dialled = await deps.connect(address, port);
  if (dialled.kind === "unreachable") return { kind: "broken", why: dialled.why, tls: false, begun: false };
  const implicitTls = port === submissions;
  const options = { name: deps.name, host, tls, implicitTls, timeoutMs: deps.replyTimeoutMs };
  const opened = await openConversation(dialled.socket, options);
  if (opened.kind !== "open") return opened;
  const sent = await opened.conversation.send(envelope, mail.raw);
  deps.reuse.give(key, opened.conversation, sent);
  return sent;
}

/**
 * The host had ended the conversation, or does now: that says nothing of this message, and a new one is opened. Once the
 * message itself was on its way the host may have it, and only the queue decides to send it again.
 */
function isStale(sent: Sent): boolean {
  return sent.kind === "broken" ? !sent.begun : sent.kind === "refused" && sent.code === 421;
}

function endingOf(sent: Sent, host: string): Ending {
  if (sent.kind === "broken") return unreachable(host, sent.why);
  if (sent.kind === "taken")
    return { kind: "delivered", enhanced: "2.0.0", code: 250, detail: oneLine(sent.reply), host, hostDown: false };
  const { code, stage } = sent;
  // A greeting or EHLO refused says nothing about this message: another host, or this one later, may take it.
  const permanent = code >= 500 && aboutTheMessage.includes(stage);
  const digit = permanent ? 5 : 4;
  const rest = sent.enhanced?.slice(2) ?? "0.0";
  const hostDown = !aboutTheMessage.includes(stage) || code === 421;
  const kind = permanent ? "permfail" : "tempfail";
  return { kind, enhanced: `${digit}.${rest}`, code, detail: sent.text || `${code}`, host, hostDown };
}

const aboutTheMessage = ["MAIL FROM", "RCPT TO", "DATA"];

function unreachable(host: string, why: string): Ending {
  return { kind: "tempfail", enhanced: "4.4.1", code: null, detail: why, host, hostDown: true };
}
