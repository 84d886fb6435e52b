/**
 * ARC chain validation, RFC 8617 §5.2: the shape, the newest message signature, then every seal from the newest down.
 * A chain whose newest set says cv=fail has failed for good.
 */
import { concat } from "../../bytes.ts";
import type { Header } from "../../message/header.ts";
import type { BodyHashes } from "../dkim/body-hash.ts";
import { findKeys } from "../dkim/key.ts";
import { type Refused, readSignature, type Signature } from "../dkim/signature.ts";
import { type Bench, bareField, checkWith, verifySignature } from "../dkim/verify.ts";
import type { ArcResult } from "../types.ts";
import { type ArcSet, type Chain, readChain } from "./chain.ts";

export type ArcReading = { chain: Chain | null; newest: Signature | Refused | null };

/** Reads the chain and announces what of the body its newest signature covers. */
export function readArc(header: Header, bodies: BodyHashes): ArcReading {
  const chain = readChain(header);
  const last = chain && "sets" in chain ? chain.sets.at(-1) : undefined;
  const newest = last ? readSignature(header, last.signature, "arc") : null;
  if (newest && !("refused" in newest)) bodies.want(newest.coverage);
  return { chain, newest };
}

/** Never throws. */
export async function verifyArc({ chain, newest }: ArcReading, bench: Bench): Promise<ArcResult> {
  if (chain === null) return { cv: "none", instances: 0, sealer: null, reason: "no ARC set" };
  if ("broken" in chain) return failed(chain.instances, chain.broken);
  const { sets } = chain;
  const last = sets.at(-1);
  if (last === undefined || newest === null) return failed(0, "empty");
  const said = sets.find((set) => set.sealTags.cv === "fail");
  if (said) return failed(sets.length, `sealed-as-failed-${said.instance}`);
  if ("refused" in newest) return failed(sets.length, `message-signature-${newest.refused}`);
  const message = await verifySignature(newest, bench);
  if (message.result !== "pass") return unproven(message.result, sets.length, `message-signature-${message.reason}`);
  return verifySeals(sets, last, bench);
}

async function verifySeals(sets: readonly ArcSet[], last: ArcSet, bench: Bench): Promise<ArcResult> {
  for (const set of [...sets].reverse()) {
    const { result, reason } = await verifySeal(set, sets, bench);
    if (result !== "pass") return unproven(result, sets.length, `seal-${set.instance}-${reason}`);
  }
  return { cv: "pass", instances: sets.length, sealer: last.sealTags.domain, reason: "" };
}

function failed(instances: number, reason: string): ArcResult {
  return { cv: "fail", instances, sealer: null, reason };
}

function unproven(result: string, instances: number, reason: string): ArcResult {
  return result === "temperror" ? { cv: "temperror", instances, sealer: null, reason } : failed(instances, reason);
}

async function verifySeal(
  set: ArcSet,
  sets: readonly ArcSet[],
  bench: Bench,
): Promise<{ result: string; reason: string }> {
  const { domain, selector, keyType, signature } = set.sealTags;
  const keys = await findKeys(`${selector}._domainkey.${domain}`, keyType, bench.dns, bench.crypto);
  if (!Array.isArray(keys)) return { result: keys.result, reason: keys.fault };
  const message = sealedBytes(set, sets, bench);
  for (const key of keys) {
    if ((await checkWith(key, message, signature, bench.crypto)) === "good") return { result: "pass", reason: "" };
  }
  return { result: "fail", reason: "signature" };
}

/** §5.1.1: the sets up to this one, each results, signature, seal; relaxed always; the last seal without its b=. */
function sealedBytes(set: ArcSet, sets: readonly ArcSet[], { header, fields }: Bench): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const { results, signature, seal } of sets.slice(0, set.instance)) {
    parts.push(fields.canonical(results, "relaxed"), fields.canonical(signature, "relaxed"));
    parts.push(seal === set.seal ? bareField(header, seal, "relaxed") : fields.canonical(seal, "relaxed"));
  }
  return concat(...parts);
}
