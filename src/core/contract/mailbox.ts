/**
 * What edge and node say to each other about one mailbox: its public key, its keyslots, where it lives. The edge owns
 * these facts under a revision; a node applies any revision at or above its own.
 */
import { z } from "zod";

const base64 = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);

/**
 * One wrapped copy of the mailbox's master key. `selector` is the public first part of an app password; recovery codes,
 * passkeys and passphrases have slots too, which mail protocols never try.
 */
export const keyslotSchema = z.strictObject({
  id: z.string().min(1).max(64),
  kind: z.enum(["app-password", "recovery-code", "passkey", "passphrase", "test-only"]),
  /** Lower-case base32 without look-alikes; unique within the mailbox. */
  selector: z.string().min(1).max(64),
  label: z.string().max(100),
  /** HKDF or Argon2id salt, base64. */
  salt: base64.max(88),
  /** Argon2id parameters of a passphrase slot. */
  params: z.strictObject({ memoryKiB: z.int(), passes: z.int(), lanes: z.int() }).optional(),
  /** XChaCha20-Poly1305 nonce, 24 bytes. */
  nonce: base64.max(64),
  /** The wrapped key with its tag, base64. */
  wrapped: base64.max(256),
  /** Key commitment: 32 bytes that bind the KEK, base64. */
  commitment: base64.max(64),
  createdAt: z.int(),
  /** A tombstone: the slot is dead, and stays listed so that a node that missed the news learns it. */
  revokedAt: z.int().nullable(),
});
export type Keyslot = z.infer<typeof keyslotSchema>;

/** A master key from before a rotation, wrapped under the one after it (`seal/rotate.ts`). */
export const previousKeySchema = z.strictObject({
  keyId: z.string().regex(/^[0-9a-f]{32}$/),
  nonce: base64.max(64),
  wrapped: base64.max(256),
});
export type PreviousKey = z.infer<typeof previousKeySchema>;

export const mailboxRecordSchema = z.strictObject({
  id: z.string().min(1).max(64),
  /** Login name and primary address, folded to lower case. */
  address: z.string().min(1).max(320),
  /** Placement epoch: moves with every move between nodes. */
  epoch: z.int().nonnegative(),
  /** Counts every change to the record. */
  revision: z.int().nonnegative(),
  /** X-Wing public key, 1,216 bytes, base64, and its id (first 16 bytes of SHA-256, hex). */
  publicKey: base64.max(1700),
  keyId: z.string().regex(/^[0-9a-f]{32}$/),
  /** Bytes of raw mail that may be kept. */
  quotaBytes: z.int().nonnegative(),
  keyslots: z.array(keyslotSchema).max(200),
  /** Newest first; each wrapped under the key that followed it. Absent: never rotated. */
  previous: z.array(previousKeySchema).max(10).optional(),
  state: z.enum(["active", "deleted"]),
});
export type MailboxRecord = z.infer<typeof mailboxRecordSchema>;
