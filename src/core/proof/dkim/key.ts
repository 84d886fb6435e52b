/** DKIM key records, RFC 6376 §3.6 with RFC 8301 and 8463. Each way in which a key can't be used has its own name. */
import { txtRecords } from "../../dns/memo.ts";
import { limits } from "../../limits.ts";
import type { Crypto, Resolver } from "../../ports.ts";
import { listOf, looseBase64, parseTags, squeeze, type Tags } from "./tags.ts";

export type Key = {
  type: "rsa" | "ed25519";
  bytes: Uint8Array;
  bits: number;
  /** t=y: the domain is only trying DKIM out. */
  testing: boolean;
  /** t=s: i= must be in the very domain of d=. */
  strict: boolean;
};
export type KeyFault = { fault: string; result: "permerror" | "temperror" | "policy"; bits: number };

/** Usable keys at `name`, or why there is none. */
export async function findKeys(
  name: string,
  type: Key["type"],
  dns: Resolver,
  crypto: Crypto,
): Promise<Key[] | KeyFault> {
  const answer = await txtRecords(dns, name);
  if (answer.kind === "trouble") return { fault: `key-${answer.reason}`, result: "temperror", bits: 0 };
  if (answer.kind === "none" || answer.records.length === 0) return refused("key-missing");
  const read = answer.records.slice(0, limits.proof.keyRecords).map((text) => readKey(text, type, crypto));
  const keys = read.filter((one): one is Key => !("fault" in one));
  if (keys.length > 0) return keys;
  return read.find((one): one is KeyFault => "fault" in one && one.fault !== "key-syntax") ?? refused("key-syntax");
}

function refused(fault: string, result: KeyFault["result"] = "permerror", bits = 0): KeyFault {
  return { fault, result, bits };
}

export function readKey(text: string, type: Key["type"], crypto: Crypto): Key | KeyFault {
  const tags = parseTags(text, true);
  const fault = tags === null ? "key-syntax" : faultOf(tags, type);
  if (tags === null || fault !== null) return refused(fault ?? "key-syntax");
  const bytes = looseBase64(tags.get("p") ?? "");
  if (bytes === null) return refused("key-syntax");
  const flags = listOf(tags.get("t") ?? "");
  const common = { testing: flags.includes("y"), strict: flags.includes("s") };
  return type === "rsa" ? rsaKey(bytes, common, crypto) : ed25519Key(bytes, common);
}

function faultOf(tags: Tags, type: Key["type"]): string | null {
  const version = tags.get("v");
  // §3.6.1: v= must come first when it is there at all.
  if (version !== undefined && (version !== "DKIM1" || tags.keys().next().value !== "v")) return "key-version";
  const key = tags.get("p");
  if (key === undefined) return "key-syntax";
  if (squeeze(key) === "") return "key-revoked";
  if ((tags.get("k") ?? "rsa").toLowerCase() !== type) return "key-type";
  if (tags.has("h") && !listOf(tags.get("h") ?? "").some((hash) => hash.toLowerCase() === "sha256")) return "key-hash";
  if (tags.has("s") && !listOf(tags.get("s") ?? "").some((service) => /^(\*|email)$/i.test(service)))
    return "key-service";
  return null;
}

type Flags = Pick<Key, "testing" | "strict">;

// RFC 8301 §3.2: an RSA key under 1024 bits proves nothing.
function rsaKey(bytes: Uint8Array, flags: Flags, crypto: Crypto): Key | KeyFault {
  const bits = crypto.rsaBits(bytes);
  if (bits === null) return refused("key-unusable");
  if (bits < 1024) return refused("key-too-short", "policy", bits);
  if (bits > limits.proof.rsaBits) return refused("key-too-long", "policy", bits);
  return { type: "rsa", bytes, bits, ...flags };
}

// RFC 8463 §4: 32 bytes as they are; some publish a whole SubjectPublicKeyInfo, whose last 32 they are.
function ed25519Key(bytes: Uint8Array, flags: Flags): Key | KeyFault {
  const raw = bytes.length === 44 ? bytes.subarray(12) : bytes;
  return raw.length === 32 ? { type: "ed25519", bytes: raw, bits: 256, ...flags } : refused("key-unusable");
}
