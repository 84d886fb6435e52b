/**
 * DKIM signature and ARC set of a relayed message (RFC 6376, 8617), with a key that the node made itself. They are made in
 * the forwarding domain's name where that domain publishes the key, else in the node's, else not at all: a signature
 * that nobody can verify would break an ARC chain that was whole before.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign as signWith } from "node:crypto";
import { promisify } from "node:util";
import { hex, toBase64, utf8 } from "../../core/bytes.ts";
import type { RelayJob } from "../../core/contract/handoff.ts";
import { readHeader } from "../../core/message/header.ts";
import type { Clock, Crypto, Resolver } from "../../core/ports.ts";
import { readChain } from "../../core/proof/arc/chain.ts";
import { sealArc } from "../../core/proof/arc/seal.ts";
import { type Signer, signDkim } from "../../core/proof/dkim/sign.ts";
import type { ArcResult } from "../../core/proof/types.ts";
import type { Sign } from "./compose.ts";
import { hour } from "./schedule.ts";
import type { Spool } from "./spool.ts";
import type { SignerRow } from "./spool-file.ts";
import type { Stack } from "./stack.ts";

/** What a domain publishes so that this node may sign for it: a TXT record at `SELECTOR._domainkey.DOMAIN`. */
export type SigningRecord = { selector: string; txt: string };

export type SigningDeps = { spool: Spool; dns: Resolver; crypto: Crypto; clock: Clock; name: string };

export type Signing = { record: SigningRecord; sign: Sign };

export async function openSigning(deps: SigningDeps): Promise<Signing> {
  const row = (await deps.spool.signer()) ?? (await newSigner(deps));
  const key = createPrivateKey({ key: Buffer.from(row.pkcs8), format: "der", type: "pkcs8" });
  const publicKey = publicKeyOf(key);
  const crypto: Crypto = { ...deps.crypto, signRsaSha256: (_, message) => signAside(key, message) };
  const record = { selector: row.selector, txt: `v=DKIM1; k=rsa; p=${publicKey}` };
  const published = publishedCheck(deps, row.selector, publicKey);
  const sign: Sign = async (message, job, now) => {
    const domain = (await published(job.domain)) ? job.domain : deps.name;
    if (domain === deps.name && !(await published(deps.name))) return;
    await signAs({ domain, selector: row.selector, key: { type: "rsa", pkcs8: row.pkcs8 }, now }, message, job, crypto);
  };
  return { record, sign };
}

async function signAs(signer: Signer, message: Stack, job: RelayJob, crypto: Crypto): Promise<void> {
  message.put(await signDkim(message.bytes, signer, crypto));
  // Mail of the node's own making arrived from nowhere: there is nothing to attest.
  if (job.authResults === "") return;
  const raw = message.bytes;
  const arc = await sealArc({ raw, arc: chainOf(raw, job.arcCv), results: job.authResults }, signer, crypto);
  if (arc !== null) message.put(arc);
}

/** The chain as the edge judged it on arrival; its length is read again from the message. */
function chainOf(raw: Uint8Array, cv: RelayJob["arcCv"]): ArcResult {
  const chain = readChain(readHeader(raw));
  if (chain === null || cv === "none") return { cv: "none", instances: 0, sealer: null, reason: "" };
  const instances = "sets" in chain ? chain.sets.length : chain.instances;
  const givenUp = "sets" in chain && chain.sets.some(({ sealTags }) => sealTags.cv === "fail");
  return { cv, instances, sealer: null, reason: givenUp ? "sealed-as-failed" : "" };
}

/** Does the domain publish our key? Good news is kept an hour, bad news five minutes. */
function publishedCheck({ dns, clock }: SigningDeps, selector: string, publicKey: string) {
  const known = new Map<string, { yes: boolean; until: number }>();
  return async (domain: string): Promise<boolean> => {
    const kept = known.get(domain);
    if (kept && kept.until > clock()) return kept.yes;
    const answer = await dns.resolve(`${selector}._domainkey.${domain}`, "TXT");
    const yes =
      answer.kind === "found" && answer.records.some((text) => text.replace(/\s/g, "").includes(`p=${publicKey}`));
    if (known.size > 10_000) known.clear();
    known.set(domain, { yes, until: clock() + (yes ? hour : hour / 12) });
    return yes;
  };
}

async function newSigner({ spool, clock, crypto }: SigningDeps): Promise<SignerRow> {
  const { privateKey } = await promisify(generateKeyPair)("rsa", { modulusLength: 2048 });
  const pkcs8 = new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" }));
  const hash = crypto.sha256();
  hash.update(utf8(publicKeyOf(privateKey)));
  const row = { selector: `postern-${hex(hash.digest()).slice(0, 8)}`, pkcs8, madeAt: clock() };
  await spool.keepSigner(row);
  return row;
}

function publicKeyOf(key: KeyObject): string {
  return toBase64(createPublicKey(key).export({ format: "der", type: "spki" }));
}

/** The key is read once, and the exponentiation is done on another thread: three a message would fill this one. */
function signAside(key: KeyObject, message: Uint8Array): Promise<Uint8Array> {
  return new Promise((done, fail) => {
    signWith("sha256", message, key, (error, signature) => (error ? fail(error) : done(signature)));
  });
}
