/**
 * A mailbox's keys. One random 32-byte master key (MK) per mailbox; everything else is derived from it or wraps it. MK exists
 * where its owner made it (a browser, the CLI) and, while the owner is logged in, in the node's locked memory; everywhere else
 * there are only wrapped copies, the keyslots. Runs in a browser, a Worker and Node.
 */
import { concat, equalConstantTime, fromBase64, hex, toBase64, u32be, utf8 } from "../bytes.ts";
import type { Keyslot } from "../contract/mailbox.ts";
import type { Random } from "../ports.ts";
import { keyIdOf } from "./format.ts";
import { labels } from "./labels.ts";
import { portablePrimitives, type SealPrimitives } from "./primitives.ts";

export * from "./passwords.ts";

const none = new Uint8Array(0);

export type MailboxKeys = {
  /** Page key of `mail.db`. */
  mailKey: Uint8Array;
  /** Page key of `index.db`. */
  indexKey: Uint8Array;
  /** X-Wing seed: opens what was sealed to the mailbox. */
  sealSeed: Uint8Array;
  bodyMac: Uint8Array;
  backupMac: Uint8Array;
};

/** Each 32 bytes; the caller zeroes them. */
export function deriveKeys(masterKey: Uint8Array, primitives: SealPrimitives = portablePrimitives): MailboxKeys {
  const derive = (label: string) => primitives.hkdf(masterKey, none, utf8(label), 32);
  return {
    mailKey: derive(labels.mailKey),
    indexKey: derive(labels.indexKey),
    sealSeed: derive(labels.mailboxSeed),
    bodyMac: derive(labels.bodyMac),
    backupMac: derive(labels.backupMac),
  };
}

export type NewMailbox = {
  mailboxId: string;
  masterKey: Uint8Array;
  /** X-Wing, 1,216 bytes. */
  publicKey: Uint8Array;
  /** 32 hex digits. */
  keyId: string;
};

/** A new mailbox's keys; wrap `masterKey` into at least an app password's and a recovery code's slot, then zero it. */
export function newMailbox(mailboxId: string, random: Random, primitives = portablePrimitives): NewMailbox {
  const masterKey = random(32);
  return { mailboxId, masterKey, ...publicHalf(masterKey, primitives) };
}

/** What the world may know of a master key. */
export function publicHalf(
  masterKey: Uint8Array,
  primitives = portablePrimitives,
): Pick<NewMailbox, "publicKey" | "keyId"> {
  const seed = primitives.hkdf(masterKey, none, utf8(labels.mailboxSeed), 32);
  const publicKey = primitives.kemPublicKey(seed);
  seed.fill(0);
  return { publicKey, keyId: hex(keyIdOf(publicKey, primitives)) };
}

export type SlotFacts = Pick<Keyslot, "id" | "kind" | "selector" | "label" | "createdAt"> & {
  mailboxId: string;
  /** Of a passphrase slot: how `secret` was stretched (`seal/passphrase.ts`). */
  params?: Keyslot["params"];
};

/**
 * Wraps MK under a secret: the bytes of an app password or recovery code, a passkey's PRF output, or a stretched
 * passphrase. `salt` is given where the secret was stretched with it.
 */
export function wrapKey(
  masterKey: Uint8Array,
  secret: Uint8Array,
  facts: SlotFacts,
  random: Random,
  options: { primitives?: SealPrimitives; salt?: Uint8Array } = {},
): Keyslot {
  const primitives = options.primitives ?? portablePrimitives;
  const { mailboxId, params, ...slot } = facts;
  const salt = options.salt ?? random(16);
  const nonce = random(24);
  const { kek, commitment } = slotKeys(secret, salt, slot.kind, primitives);
  const wrapped = primitives.wrap(kek, nonce, binding(mailboxId, slot), masterKey);
  kek.fill(0);
  return {
    ...slot,
    ...(params ? { params } : {}),
    salt: toBase64(salt),
    nonce: toBase64(nonce),
    wrapped: toBase64(wrapped),
    commitment: toBase64(commitment),
    revokedAt: null,
  };
}

/** MK, or null for a wrong secret, another mailbox's slot, or a slot that was tampered with. Costs the same either way. */
export function unwrapKey(
  slot: Keyslot,
  mailboxId: string,
  secret: Uint8Array,
  primitives: SealPrimitives = portablePrimitives,
): Uint8Array | null {
  const { kek, commitment } = slotKeys(secret, fromBase64(slot.salt), slot.kind, primitives);
  const masterKey = primitives.unwrap(kek, fromBase64(slot.nonce), binding(mailboxId, slot), fromBase64(slot.wrapped));
  kek.fill(0);
  const committed = equalConstantTime(commitment, fromBase64(slot.commitment));
  if (committed && masterKey?.length === 32) return masterKey;
  masterKey?.fill(0);
  return null;
}

function slotKeys(secret: Uint8Array, salt: Uint8Array, kind: Keyslot["kind"], primitives: SealPrimitives) {
  const kek = primitives.hkdf(secret, salt, utf8(labels.slotKey[kind]), 32);
  return { kek, commitment: primitives.hkdf(kek, none, utf8(labels.slotCommitment), 32) };
}

// Mailbox and slot as associated data: a slot copied into another mailbox, or under another id or kind, does not open.
function binding(mailboxId: string, slot: Pick<Keyslot, "id" | "kind" | "selector">): Uint8Array {
  const fields = [mailboxId, slot.id, slot.kind, slot.selector].map((field) => utf8(field));
  return concat(utf8(labels.slotBinding), ...fields.flatMap((field) => [u32be(field.length), field]));
}
