/** The two identities of RFC 7208 §2.3 and §2.4: MAIL FROM, and HELO where the reverse-path is null. */

import { limits } from "../../limits.ts";
import type { Resolver } from "../../ports.ts";
import type { ProofInput, SpfResult } from "../types.ts";
import { checkHost } from "./check.ts";
import { parseIp } from "./ip.ts";

export type SpfInput = Pick<ProofInput, "mailFrom" | "helo" | "ip" | "now" | "authservId">;

/** Never throws. */
export async function checkSpf(input: SpfInput, dns: Resolver): Promise<SpfResult> {
  const { identity, local, domain } = identityOf(input);
  const verdict = { identity, domain, mechanism: null, explanation: null };
  const ip = input.ip === null ? null : parseIp(input.ip);
  if (ip === null) {
    return { ...verdict, result: "not-evaluated", reason: "the client's address is not known" };
  }
  if (input.mailFrom.length > limits.proof.pathBytes || (input.helo ?? "").length > limits.proof.pathBytes) {
    return { ...verdict, result: "none", reason: "the path is too long to be one" };
  }
  if (domain === "") return { ...verdict, result: "none", reason: "no domain to check" };
  const { helo, authservId: receiver, now } = input;
  const question = { ip, domain, sender: { local, domain }, helo: helo ?? "", receiver, now };
  return { ...verdict, ...(await checkHost(question, dns)) };
}

// §2.4: a null reverse-path stands for postmaster@HELO; §4.3: so does a missing local part.
function identityOf({ mailFrom, helo }: SpfInput): { identity: "mailfrom" | "helo"; local: string; domain: string } {
  const path = mailFrom.replace(/^<(.*)>$/s, "$1").trim();
  if (path === "") return { identity: "helo", local: "postmaster", domain: bare(helo ?? "") };
  const at = path.lastIndexOf("@");
  return {
    identity: "mailfrom",
    local: path.slice(0, Math.max(at, 0)) || "postmaster",
    domain: bare(path.slice(at + 1)),
  };
}

function bare(domain: string): string {
  return domain.trim().replace(/\.$/, "");
}
