// A store on disk with mailboxes made as an owner's browser would make them.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toBase64, utf8 } from "../../../src/core/bytes.ts";
import type { Keyslot, MailboxRecord } from "../../../src/core/contract/mailbox.ts";
import type { InnerEnvelope } from "../../../src/core/seal/envelope.ts";
import { makeAppPassword, newMailbox, type SecretText, wrapKey } from "../../../src/core/seal/keys.ts";
import { sealedBytes, sealMessage } from "../../../src/core/seal/seal.ts";
import { nativePrimitives, random } from "../../../src/daemon/platform.ts";
import { openStore, type Store, type StoreOptions } from "../../../src/daemon/store/store.ts";

export type TestMailbox = {
  record: MailboxRecord;
  masterKey: Uint8Array;
  password: string;
  /** Another slot for the same master key. */
  addSlot(label: string): { slot: Keyslot; password: string };
  seal(raw: string | Uint8Array, inner?: Partial<InnerEnvelope>): Uint8Array<ArrayBuffer>;
};

export function makeMailbox(id: string, address: string, quotaBytes = 100_000_000): TestMailbox {
  const { masterKey, publicKey, keyId } = newMailbox(id, random, nativePrimitives);
  const wrap = (made: SecretText, label: string): Keyslot =>
    wrapKey(
      masterKey,
      made.secret.slice(),
      { id: `${id}-${label}`, kind: "app-password", selector: made.selector, label, createdAt: 1, mailboxId: id },
      random,
    );
  const first = makeAppPassword(random);
  const record: MailboxRecord = {
    id,
    address,
    epoch: 0,
    revision: 1,
    publicKey: toBase64(publicKey),
    keyId,
    quotaBytes,
    keyslots: [wrap(first, "first")],
    state: "active",
  };
  return {
    record,
    masterKey,
    password: first.text,
    addSlot(label) {
      const made = makeAppPassword(random);
      return { slot: wrap(made, label), password: made.text };
    },
    seal(raw, inner = {}) {
      const bytes = typeof raw === "string" ? utf8(raw) : raw;
      const whole: InnerEnvelope = {
        receivedAt: 1_700_000_000_000,
        mailFrom: "ann@sender.test",
        recipient: address,
        folder: "INBOX",
        flags: [],
        trace: "Return-Path: <ann@sender.test>\r\n",
        proofSummary: "",
        ...inner,
      };
      return sealedBytes(sealMessage({ publicKey, keyId, inner: whole, raw: bytes }, nativePrimitives));
    },
  };
}

export const nodeKey = new Uint8Array(32).fill(7);

export type StoreFixture = {
  dir: string;
  store: Store;
  alarms: { mailbox: string; what: string }[];
  reopen(options?: Partial<StoreOptions>): Promise<Store>;
  end(): Promise<void>;
};

export async function storeFixture(
  options: Partial<StoreOptions> = {},
  dir = mkdtempSync(join(tmpdir(), "postern-store-")),
): Promise<StoreFixture> {
  const alarms: StoreFixture["alarms"] = [];
  const open = (more: Partial<StoreOptions> = {}) =>
    openStore({ dir, nodeKey, workers: 2, onAlarm: (alarm) => alarms.push(alarm), ...options, ...more });
  const fixture: StoreFixture = {
    dir,
    alarms,
    store: await open(),
    async reopen(more) {
      await fixture.store.close();
      fixture.store = await open(more);
      return fixture.store;
    },
    async end() {
      await fixture.store.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return fixture;
}

export async function logIn(store: Store, mailbox: TestMailbox, password = mailbox.password) {
  const login = await store.mailboxes.login(mailbox.record.address, utf8(password), { ip: "127.0.0.1" });
  if (!login.ok) throw new Error(`login failed: ${login.why}`);
  return login.account;
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

/** The whole messages of a folder, as text. */
export async function texts(store: Store, mailbox: TestMailbox, folder = "INBOX"): Promise<string[]> {
  const account = await logIn(store, mailbox);
  const box = await account.open(folder, true);
  const rows = await collect(box.fetch([[1, 0xffffffff]], { sections: [{ part: [], what: "all" }] }));
  await account.logout();
  return rows.flatMap(({ sections, uids }) => {
    const [packed] = sections ?? [];
    return Array.from(uids, (_, i) => {
      const start = i === 0 ? 0 : (packed?.ends[i - 1] ?? 0);
      return Buffer.from(packed?.bytes.subarray(start, packed.ends[i]) ?? []).toString("latin1");
    });
  });
}
