/**
 * ARC sealing, RFC 8617 §5.1: the three fields of set n+1 for a message that is relayed, on top of what it came with.
 */

import { latin1, utf8 } from "../../bytes.ts";
import { limits } from "../../limits.ts";
import { fieldsNamed, fieldValue, type Header, readHeader } from "../../message/header.ts";
import type { Crypto } from "../../ports.ts";
import { CanonicalFields, canonicalField } from "../dkim/fields.ts";
import { bodyHash, commonTags, namesToSign, type Signer, signedField } from "../dkim/sign.ts";
import { parseTags } from "../dkim/tags.ts";
import type { ArcResult } from "../types.ts";
import { readChain } from "./chain.ts";

export type SealInput = {
  /** As it will be sent, without the new fields. */
  raw: Uint8Array;
  /** The chain as it was on arrival. */
  arc: ArcResult;
  /** Our findings: authserv-id and results, as in Authentication-Results (`resultsText`). */
  results: string;
};

/**
 * ARC-Seal, ARC-Message-Signature and ARC-Authentication-Results in that order, ending in CRLF; null where no seal is to be added: the
 * chain is full, was given up before (cv=fail), or could not be judged for DNS trouble.
 */
export async function sealArc(
  { raw, arc, results }: SealInput,
  sealer: Signer,
  crypto: Crypto,
): Promise<string | null> {
  const instance = arc.instances + 1;
  const header = readHeader(raw);
  if (arc.cv === "temperror" || instance > limits.proof.arcInstances || isGivenUp(header)) return null;
  const signer: Signer = { ...sealer, canon: "relaxed" };
  const i = String(instance);
  const names = namesToSign(header, ["dkim-signature"]);
  const fields = new CanonicalFields(header);
  const ours = `ARC-Authentication-Results: i=${i}; ${results}\r\n`;
  const tags = { i, ...commonTags(signer), h: names.join(":"), bh: bodyHash(raw, header, "relaxed", crypto) };
  const message = await signedField(
    "ARC-Message-Signature",
    tags,
    fields.signed(names, "relaxed", null) ?? [],
    signer,
    crypto,
  );
  const scope = arc.cv === "pass" ? earlierSets(header, fields) : [];
  const { c: _, ...sealTags } = { i, ...commonTags(signer), cv: arc.cv }; // a seal is always relaxed and has no c=
  const own = [ours, message].map((text) => canonicalField(latin1(utf8(text)), "relaxed"));
  const seal = await signedField("ARC-Seal", sealTags, [...scope, ...own], signer, crypto);
  return seal + message + ours;
}

// §5.1.2: nobody seals above a cv=fail.
function isGivenUp(header: Header): boolean {
  const seals = fieldsNamed(header, "arc-seal").slice(0, limits.proof.arcInstances);
  return seals.some((seal) => parseTags(fieldValue(header, seal))?.get("cv")?.toLowerCase() === "fail");
}

function earlierSets(header: Header, fields: CanonicalFields): Uint8Array[] {
  const chain = readChain(header);
  if (chain === null || !("sets" in chain)) return [];
  return chain.sets.flatMap(({ results, signature, seal }) =>
    [results, signature, seal].map((field) => fields.canonical(field, "relaxed")),
  );
}
