/**
 * The key maker: a worker of its own, so that the page stays lively and the master key lives in no page. Master key, app
 * password and recovery code come into being here; what leaves for the server is a public key and wrapped copies.
 */
import { toBase64, utf8 } from "../../../src/core/bytes.ts";
import type { Keyslot } from "../../../src/core/contract/mailbox.ts";
import {
  makeAppPassword,
  makeRecoveryCode,
  newMailbox,
  parseAppPassword,
  parseRecoveryCode,
  type SecretText,
  unwrapKey,
  wrapKey,
} from "../../../src/core/seal/keys.ts";
import { rotateKeys } from "../../../src/core/seal/rotate.ts";
import { ulid } from "../../../src/core/ulid.ts";
import type { Asked, Told } from "./keys-talk.ts";

const random = (n: number): Uint8Array => crypto.getRandomValues(new Uint8Array(n));
const say = (told: Told): void => postMessage(told);

addEventListener("message", (event: MessageEvent<Asked>) => {
  try {
    if (event.data.kind === "new") makeMailbox(event.data.label);
    else if (event.data.kind === "add") addDevice(event.data);
    else rotate(event.data);
  } catch {
    say({ kind: "failed", why: "Your browser could not make the keys. Please try another one." });
  }
});

function makeMailbox(label: string): void {
  say({ kind: "progress", part: 0.1, says: "Drawing random numbers…" });
  const id = ulid(Date.now, random);
  const made = newMailbox(id, random);
  say({ kind: "progress", part: 0.6, says: "Wrapping the key…" });
  const app = makeAppPassword(random);
  const recovery = makeRecoveryCode(random);
  const keyslots = [
    slotFor(made.masterKey, id, app, "app-password", label),
    slotFor(made.masterKey, id, recovery, "recovery-code", "Recovery code"),
  ];
  made.masterKey.fill(0);
  const box = { id, publicKey: toBase64(made.publicKey), keyId: made.keyId, keyslots };
  say({ kind: "made", box, appPassword: app.text, recoveryCode: recovery.text });
}

type ByKey = Exclude<Asked, { kind: "new" }>;

function addDevice(asked: ByKey): void {
  const masterKey = opened(asked);
  if (masterKey === null) return;
  const app = makeAppPassword(random);
  const slot = slotFor(masterKey, asked.mailbox, app, "app-password", asked.label);
  masterKey.fill(0);
  say({ kind: "added", slot, appPassword: app.text });
}

/** A new master key with slots of its own; the old one goes along, wrapped under it. */
function rotate(asked: ByKey): void {
  const old = opened(asked);
  if (old === null) return;
  say({ kind: "progress", part: 0.6, says: "Making the new key…" });
  const { masterKey, publicKey, keyId, previous } = rotateKeys(asked.mailbox, old, random);
  old.fill(0);
  const app = makeAppPassword(random);
  const recovery = makeRecoveryCode(random);
  const keyslots = [
    slotFor(masterKey, asked.mailbox, app, "app-password", asked.label),
    slotFor(masterKey, asked.mailbox, recovery, "recovery-code", "Recovery code"),
  ];
  masterKey.fill(0);
  const rotation = { publicKey: toBase64(publicKey), keyId, previous, keyslots };
  say({ kind: "rotated", rotation, appPassword: app.text, recoveryCode: recovery.text });
}

/** The mailbox's key, by what was typed; says what is wrong with that otherwise. */
function opened(asked: ByKey): Uint8Array | null {
  say({ kind: "progress", part: 0.3, says: "Opening the key…" });
  const masterKey = open(asked.mailbox, asked.keyslots, utf8(asked.secret));
  const why = "That is neither this mailbox's recovery code nor one of its app passwords. Check for slips.";
  if (masterKey === null) say({ kind: "failed", why });
  return masterKey;
}

function open(mailbox: string, keyslots: Keyslot[], typed: Uint8Array): Uint8Array | null {
  const parsed = parseRecoveryCode(typed) ?? parseAppPassword(typed);
  typed.fill(0);
  const slot = keyslots.find((one) => one.selector === parsed?.selector && one.revokedAt === null);
  if (parsed === null || slot === undefined) return null;
  return unwrapKey(slot, mailbox, parsed.secret);
}

function slotFor(
  masterKey: Uint8Array,
  mailboxId: string,
  { selector, secret }: SecretText,
  kind: Keyslot["kind"],
  label: string,
): Keyslot {
  const facts = { id: ulid(Date.now, random), kind, selector, label, createdAt: Date.now(), mailboxId };
  const slot = wrapKey(masterKey, secret, facts, random);
  secret.fill(0);
  return slot;
}
