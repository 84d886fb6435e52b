/**
 * A new master key for a mailbox whose old one may be known to somebody. The old one travels on, wrapped under the new one, so that the
 * node can take the mailbox over at the owner's next login; that it opens proves that the owner of the old key made the new one.
 * Every keyslot has to be made anew around the new key; the old ones are revoked in the same revision.
 */
import { concat, fromBase64, toBase64, u32be, utf8 } from "../bytes.ts";
import type { PreviousKey } from "../contract/mailbox.ts";
import type { Random } from "../ports.ts";
import { type NewMailbox, newMailbox, publicHalf } from "./keys.ts";
import { labels } from "./labels.ts";
import { portablePrimitives, type SealPrimitives } from "./primitives.ts";

export type Rotated = NewMailbox & { previous: PreviousKey };

export function rotateKeys(
  mailboxId: string,
  oldMasterKey: Uint8Array,
  random: Random,
  primitives: SealPrimitives = portablePrimitives,
): Rotated {
  const fresh = newMailbox(mailboxId, random, primitives);
  const { keyId } = publicHalf(oldMasterKey, primitives);
  const nonce = random(24);
  const kek = wrappingKey(fresh.masterKey, primitives);
  const wrapped = primitives.wrap(kek, nonce, binding(mailboxId, keyId), oldMasterKey);
  kek.fill(0);
  return { ...fresh, previous: { keyId, nonce: toBase64(nonce), wrapped: toBase64(wrapped) } };
}

/** The old master key; null where `masterKey` is not the one that it was wrapped under. */
export function openPrevious(
  masterKey: Uint8Array,
  mailboxId: string,
  previous: PreviousKey,
  primitives: SealPrimitives = portablePrimitives,
): Uint8Array | null {
  const kek = wrappingKey(masterKey, primitives);
  const aad = binding(mailboxId, previous.keyId);
  const old = primitives.unwrap(kek, fromBase64(previous.nonce), aad, fromBase64(previous.wrapped));
  kek.fill(0);
  // What is inside must be what its name says.
  if (old?.length === 32 && publicHalf(old, primitives).keyId === previous.keyId) return old;
  old?.fill(0);
  return null;
}

function wrappingKey(masterKey: Uint8Array, primitives: SealPrimitives): Uint8Array {
  return primitives.hkdf(masterKey, new Uint8Array(0), utf8(labels.previousKey), 32);
}

function binding(mailboxId: string, keyId: string): Uint8Array {
  const fields = [mailboxId, keyId].map((field) => utf8(field));
  return concat(utf8(labels.previousKey), ...fields.flatMap((field) => [u32be(field.length), field]));
}
