/** MTA-STS policies (RFC 8461): the one that a domain served here publishes, its record, and reading anybody's. */
import { sha256 } from "@noble/hashes/sha2.js";
import { hex, utf8 } from "../bytes.ts";

/** Where Email Routing receives, as Cloudflare's own documentation writes it in policies. */
const cloudflareMx = "*.mx.cloudflare.net";
const week = 604_800;

/** `mxHost`: null where Cloudflare's MX receives. */
export function policyFor(mxHost: string | null): string {
  const lines = ["version: STSv1", "mode: enforce", `mx: ${mxHost ?? cloudflareMx}`, `max_age: ${week}`, ""];
  return lines.join("\r\n");
}

/** The id changes with the policy, so that senders fetch it again (§3.1). */
export function policyRecord(policy: string): string {
  return `v=STSv1; id=${hex(sha256(utf8(policy))).slice(0, 16)}`;
}

export type Policy = { mode: string; mx: string[] };

/** §3.2; null for what is no policy. */
export function readPolicy(text: string): Policy | null {
  const lines = text.split(/\r?\n/).map((line) => /^\s*([a-z_]+)\s*:\s*(\S.*?)\s*$/.exec(line));
  const values = (key: string): string[] => lines.flatMap((line) => (line?.[1] === key ? [line[2] ?? ""] : []));
  const mode = values("mode")[0] ?? "";
  if (values("version")[0] !== "STSv1" || !["enforce", "testing", "none"].includes(mode)) return null;
  return { mode, mx: values("mx").map((name) => name.toLowerCase()) };
}

/** §4.1: a wildcard stands for exactly one label. */
export function policyNames(policy: Policy, host: string): boolean {
  const name = host.toLowerCase();
  return policy.mx.some((one) => one === name || (one.startsWith("*.") && name.replace(/^[^.]+/, "*") === one));
}

/** The policy as the world reads it, or null where it can't be had. */
export type FetchPolicy = (domain: string) => Promise<string | null>;
