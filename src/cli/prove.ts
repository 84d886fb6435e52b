/**
 * `postern prove`: why a message was, or would be, let in or turned away. One file, or with --batch a stream of requests,
 * one JSON object a line in and one a line out, in order. The code that answers is the code that runs at the edge.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { z } from "zod";
import { memoResolver } from "../core/dns/memo.ts";
import { Zones, zoneResolver } from "../core/dns/zones.ts";
import { limits } from "../core/limits.ts";
import type { Resolver } from "../core/ports.ts";
import { prove } from "../core/proof/prove.ts";
import { authenticationResults } from "../core/proof/results.ts";
import { checkSpf } from "../core/proof/spf/spf.ts";
import type { DmarcResult, SpfResult } from "../core/proof/types.ts";
import { nodeResolver } from "../daemon/net/dns.ts";
import { nodeCrypto } from "../daemon/platform.ts";

export const usage = `usage: postern prove FILE [--ip ADDRESS] [--helo NAME] [--from ADDRESS] [--dns ZONES.json] [--server ADDRESS] [--now ISO]
       postern prove --batch < requests > answers

FILE may be - for standard input. --dns takes a file of name → type → values in place of the real DNS; TIMEOUT, SERVFAIL
and NXDOMAIN may stand for a name, TIMEOUT and SERVFAIL for a type. --server asks that DNS server instead of the machine's.

A request: {"id", "raw": base64?, "ip"?, "helo"?, "mailfrom"?, "now": ISO?, "dns": {…}}; without raw only SPF is answered.
Its answer: {"id",
  "spf":   {"result", "explanation", "mechanism"},                       "not-evaluated" where no ip was given
  "dkim":  [{"result", "domain", "selector", "algorithm", "reason"}],    one a signature, none for an unsigned message
  "dmarc": {"result", "policy", "disposition", "domain", "alignment": {"spf", "dkim"}},
                                                                         each "aligned", "unaligned" or "none"
  "arc":   {"cv", "instances", "reason"}}
A request that can't be read is answered {"id", "error"}.
`;

const authservId = "postern";

export async function run(args: string[]): Promise<number> {
  const options = {
    batch: { type: "boolean" },
    ip: { type: "string" },
    helo: { type: "string" },
    from: { type: "string" },
    dns: { type: "string" },
    server: { type: "string" },
    now: { type: "string" },
  } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  try {
    if (values.batch) return await batch();
    const [file, more] = positionals;
    if (file === undefined || more !== undefined) return complain(usage);
    return await one(file, values);
  } catch (error) {
    return complain(`${error instanceof Error ? error.message : String(error)}\n`);
  }
}

function say(text: string): number {
  process.stdout.write(text);
  return 0;
}

function complain(text: string): number {
  process.stderr.write(`postern prove: ${text}`);
  return 2;
}

type Facts = { ip?: string; helo?: string; from?: string; dns?: string; server?: string; now?: string };

async function one(file: string, { ip, helo, from, dns, server, now }: Facts): Promise<number> {
  const raw = readFileSync(file === "-" ? 0 : file);
  const resolver =
    dns === undefined ? realDns(server) : zoneResolver(Zones.parse(JSON.parse(readFileSync(dns, "utf8"))));
  const input = { raw, mailFrom: from ?? "", helo: helo ?? null, ip: ip ?? null, now: instant(now), ...ours };
  const proof = await prove(input, { dns: resolver, crypto: nodeCrypto });
  const field = authenticationResults(proof, authservId);
  return say(`${JSON.stringify({ ...proof, authenticationResults: field }, null, 2)}\n`);
}

const ours = { authservId, trustedSealers: [] };

function realDns(server: string | undefined): Resolver {
  return nodeResolver({ servers: server === undefined ? [] : [server] });
}

function instant(text: string | undefined): number {
  const now = text === undefined ? Date.now() : Date.parse(text);
  if (Number.isNaN(now)) throw new RangeError(`${text} is no time`);
  return now;
}

const Request = z.object({
  id: z.unknown(),
  raw: z.string().nullish(),
  ip: z.string().nullish(),
  helo: z.string().nullish(),
  mailfrom: z.string().nullish(),
  now: z.string().nullish(),
  dns: Zones.nullish(),
});

async function batch(): Promise<number> {
  for await (const line of lines(process.stdin)) {
    if (line.trim() === "") continue;
    const answer = `${JSON.stringify(await answerTo(line))}\n`;
    if (!process.stdout.write(answer)) await once(process.stdout, "drain");
  }
  return 0;
}

/** A message of the largest size in base64, with room for its zone. */
const maxLine = Math.ceil((limits.messageBytes * 4) / 3) + 8 * 1024 * 1024;

// node:readline would also split at U+2028, which JSON allows inside strings.
async function* lines(input: AsyncIterable<Buffer | string>): AsyncGenerator<string> {
  let parts: Buffer[] = [];
  let size = 0;
  for await (const piece of input) {
    const chunk = typeof piece === "string" ? Buffer.from(piece) : piece;
    let from = 0;
    for (let lf = chunk.indexOf(10); lf >= 0; lf = chunk.indexOf(10, from)) {
      yield Buffer.concat([...parts, chunk.subarray(from, lf)]).toString("utf8");
      parts = [];
      size = 0;
      from = lf + 1;
    }
    size += chunk.length - from;
    // Too long to be a request: its text is let go, its line still gets an answer.
    if (size > maxLine) parts = [Buffer.from("(a line too long)")];
    else if (from < chunk.length) parts.push(chunk.subarray(from));
  }
  if (parts.length > 0) yield Buffer.concat(parts).toString("utf8");
}

async function answerTo(line: string): Promise<unknown> {
  let id: unknown = null;
  try {
    const json: unknown = JSON.parse(line);
    if (typeof json === "object" && json !== null && "id" in json) id = json.id;
    return { id, ...(await verdicts(Request.parse(json))) };
  } catch (error) {
    return { id, error: explain(error) };
  }
}

function explain(error: unknown): string {
  if (error instanceof z.ZodError)
    return error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ");
  return error instanceof Error ? error.message : String(error);
}

async function verdicts(request: z.infer<typeof Request>) {
  const { ip, helo, mailfrom } = request;
  const facts = {
    mailFrom: mailfrom ?? "",
    helo: helo ?? null,
    ip: ip ?? null,
    now: instant(request.now ?? undefined),
  };
  const dns = zoneResolver(request.dns ?? {});
  if (request.raw === undefined || request.raw === null) {
    return { spf: spfAnswer(await checkSpf({ ...facts, authservId }, memoResolver(dns))) };
  }
  const proof = await prove({ ...facts, ...ours, raw: message(request.raw) }, { dns, crypto: nodeCrypto });
  return {
    spf: spfAnswer(proof.spf),
    dkim: proof.dkim.map(({ result, domain, selector, algorithm, reason }) => ({
      result,
      domain,
      selector,
      algorithm,
      reason,
    })),
    dmarc: dmarcAnswer(proof.dmarc),
    arc: { cv: proof.arc.cv, instances: proof.arc.instances, reason: proof.arc.reason },
  };
}

function message(raw: string): Buffer {
  if (/[^A-Za-z0-9+/=\s]/.test(raw)) throw new RangeError("raw is not base64");
  return Buffer.from(raw, "base64");
}

function spfAnswer({ result, explanation, mechanism }: SpfResult) {
  return { result, explanation, mechanism };
}

function dmarcAnswer({ result, policy, disposition, domain, alignment }: DmarcResult) {
  return { result, policy, disposition, domain, alignment };
}
