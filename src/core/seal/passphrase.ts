/** Chosen passphrases, stretched with Argon2id (RFC 9106) in the owner's browser or CLI, never on a node. */
import { argon2idAsync } from "@noble/hashes/argon2.js";
import { utf8 } from "../bytes.ts";

export type Stretch = { memoryKiB: number; passes: number; lanes: number };

/** RFC 9106 §4, second recommendation: 64 MiB, three passes. */
export const defaultStretch: Stretch = { memoryKiB: 65_536, passes: 3, lanes: 1 };

/** 32 bytes for `wrapKey`. Throws `RangeError` on parameters that a hostile record could use to exhaust memory. */
export async function stretch(
  passphrase: string,
  salt: Uint8Array,
  how: Stretch = defaultStretch,
): Promise<Uint8Array> {
  if (how.memoryKiB > 1_048_576 || how.passes > 10 || how.lanes > 8) throw new RangeError("unreasonable parameters");
  const secret = utf8(passphrase.normalize("NFKC"));
  const key = await argon2idAsync(secret, salt, { m: how.memoryKiB, t: how.passes, p: how.lanes, dkLen: 32 });
  secret.fill(0);
  return key;
}
