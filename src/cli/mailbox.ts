/**
 * Making a mailbox on the owner's own machine: master key, app password and recovery code come into being here; what leaves is
 * the public key and wrapped copies (DESIGN "Keys").
 */
import { randomBytes } from "node:crypto";
import { toBase64, utf8 } from "../core/bytes.ts";
import type { Keyslot, MailboxRecord } from "../core/contract/mailbox.ts";
import { makeAppPassword, makeRecoveryCode, newMailbox, wrapKey } from "../core/seal/keys.ts";
import { ulid } from "../core/ulid.ts";

export type MadeMailbox = { record: MailboxRecord; appPassword: string; recoveryCode: string };

const random = (n: number): Uint8Array => new Uint8Array(randomBytes(n));
const defaultQuota = 10 * 1024 ** 3;

/** `testPassword` adds a test-only slot, which only a node that runs with plain-text test listeners honours. */
export function makeMailbox(address: string, options: { testPassword?: string } = {}): MadeMailbox {
  const now = Date.now();
  const made = newMailbox(ulid(Date.now, random), random);
  const appPassword = makeAppPassword(random);
  const recovery = makeRecoveryCode(random);
  const slot = (kind: Keyslot["kind"], selector: string, label: string, secret: Uint8Array): Keyslot =>
    wrapKey(
      made.masterKey,
      secret,
      { id: ulid(Date.now, random), kind, selector, label, createdAt: now, mailboxId: made.mailboxId },
      random,
    );
  const keyslots = [
    slot("app-password", appPassword.selector, "first device", appPassword.secret),
    slot("recovery-code", recovery.selector, "recovery code", recovery.secret),
  ];
  if (options.testPassword !== undefined)
    keyslots.push(slot("test-only", "test-only", "test password", utf8(options.testPassword)));
  made.masterKey.fill(0);
  const record: MailboxRecord = {
    id: made.mailboxId,
    address: address.toLowerCase(),
    epoch: 0,
    revision: 1,
    publicKey: toBase64(made.publicKey),
    keyId: made.keyId,
    quotaBytes: defaultQuota,
    keyslots,
    state: "active",
  };
  return { record, appPassword: appPassword.text, recoveryCode: recovery.text };
}
