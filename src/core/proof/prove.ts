/**
 * All that can be said about a message's origin, in one pass: SPF, DKIM, ARC, DMARC, iprev, BIMI. Bounded in time, look-ups
 * and memory whatever the message is (limits.proof); never throws; what could not be found out is never a pass.
 */
import { memoResolver } from "../dns/memo.ts";
import { authorOf } from "../message/author.ts";
import { readHeader } from "../message/header.ts";
import type { Crypto, Resolver } from "../ports.ts";
import { readArc, verifyArc } from "./arc/verify.ts";
import { checkBimi } from "./bimi.ts";
import { BodyHashes } from "./dkim/body-hash.ts";
import { CanonicalFields } from "./dkim/fields.ts";
import { type Bench, readDkim, verifyDkim } from "./dkim/verify.ts";
import { checkDmarc } from "./dmarc.ts";
import { checkIprev } from "./iprev.ts";
import { checkSpf } from "./spf/spf.ts";
import type { Proof, ProofInput } from "./types.ts";

export async function prove(input: ProofInput, ports: { dns: Resolver; crypto: Crypto }): Promise<Proof> {
  const dns = memoResolver(ports.dns.forMessage?.() ?? ports.dns);
  const header = readHeader(input.raw);
  const bodies = new BodyHashes(input.raw.subarray(header.bodyAt), ports.crypto, header.unixLines);
  const signatures = readDkim(header, bodies);
  const chain = readArc(header, bodies);
  const bench: Bench = {
    header,
    fields: new CanonicalFields(header),
    bodies,
    dns,
    crypto: ports.crypto,
    now: input.now,
  };
  const [spf, iprev, dkim, arc] = await Promise.all([
    checkSpf(input, dns),
    checkIprev(input.ip, dns),
    verifyDkim(signatures, bench),
    verifyArc(chain, bench),
  ]);
  const { trustedSealers } = input;
  const dmarc = await checkDmarc({ author: authorOf(header), spf, dkim, arc, trustedSealers }, dns);
  const bimi = await checkBimi(header, dmarc, dns);
  return { spf, dkim, dmarc, arc, iprev, bimi };
}
