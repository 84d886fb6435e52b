/**
 * Account passwords: scrypt (RFC 7914), salted, with its parameters beside it. These passwords open the dashboard only;
 * no mail is ever wrapped under one (DESIGN, Keys).
 */
import { scrypt, timingSafeEqual } from "node:crypto";
import { fromBase64, toBase64 } from "../../src/core/bytes.ts";
import type { Random } from "../../src/core/ports.ts";
import { Problem } from "../directory/problem.ts";
import { isCommon } from "./common.ts";

// OWASP's scrypt row for 16 MiB: N=2^14, r=8, p=5. More memory does not fit an isolate of 128 MB that several requests
// share; the five passes cost about 0.25 s of CPU, which a paid Worker has (30 s) and a free one (10 ms) has for no
// password hash worth its name.
const cost = { N: 16384, r: 8, p: 5 } as const;
const hashBytes = 32;
const maxmem = 64 * 1024 * 1024;

export const passwordLength = { min: 12, max: 200 } as const;

/** Length is what counts, and not to be among those that are tried first (NIST SP 800-63B §3.1.1.2). */
export function checkPasswordRule(password: string, email: string): void {
  const name = email.split("@")[0] ?? email;
  const plain = password.toLowerCase();
  const dull = new Set(plain).size < 5 || (name.length > 3 && plain.replaceAll(name, "").length < 6);
  if (password.length < passwordLength.min || dull)
    throw new Problem(
      422,
      "weak-password",
      `Use at least ${passwordLength.min} characters that are not your address or one key held down. A few random words do well.`,
      { field: "password" },
    );
  if (isCommon(password, ownWords(email)))
    throw new Problem(
      422,
      "common-password",
      "This is made of words that are guessed first: others have used them, with a number behind. Four random words do well.",
      { field: "password" },
    );
}

function ownWords(email: string): string[] {
  return ["postern", ...email.split(/[^\p{L}\d]+/u)].filter((word) => word.length > 2);
}

export async function hashPassword(password: string, random: Random): Promise<string> {
  const salt = random(16);
  const hash = await derive(password, salt, cost);
  return ["scrypt", cost.N, cost.r, cost.p, toBase64(salt), toBase64(hash)].join("$");
}

/** `stored` null (no such account) costs the same and is never right. */
export async function passwordMatches(password: string, stored: string | null): Promise<boolean> {
  const [, N, r, p, salt, hash] = (stored ?? nobody).split("$");
  const expected = fromBase64(hash ?? "");
  const given = await derive(password, fromBase64(salt ?? ""), { N: Number(N), r: Number(r), p: Number(p) });
  return timingSafeEqual(given, expected) && stored !== null;
}

const nobody = [
  "scrypt",
  cost.N,
  cost.r,
  cost.p,
  toBase64(new Uint8Array(16)),
  toBase64(new Uint8Array(hashBytes)),
].join("$");

// NFKC, so that the same words typed on another keyboard are the same password (RFC 8265 §4.2.2).
function derive(password: string, salt: Uint8Array, how: { N: number; r: number; p: number }): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password.normalize("NFKC"), salt, hashBytes, { ...how, maxmem }, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}
