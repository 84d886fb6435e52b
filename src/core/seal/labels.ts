/**
 * Every HKDF info label and domain-separation text of the product, in one place, so that no two keys can ever be derived
 * under the same name. A label is never reused for another purpose; a changed construction gets a new number.
 */
export const labels = {
  /** A sealed message's content key (followed by the key id and SHA-256 of the header). */
  sealedMessage: "postern/seal/1",
  /** The 32-byte X-Wing seed of a mailbox, from its master key. */
  mailboxSeed: "postern/mailbox/x-wing-seed/1",
  /** Page key of `mail.db`, from the master key. */
  mailKey: "postern/mailbox/mail-db/1",
  /** Page key of `index.db`, from the master key. */
  indexKey: "postern/mailbox/index-db/1",
  /** MAC key of backups, from the master key. */
  backupMac: "postern/mailbox/backup-mac/1",
  /** MAC key of filed bodies, from the master key. */
  bodyMac: "postern/mailbox/body-mac/1",
  /** Wraps the master key before a rotation, from the one after it. */
  previousKey: "postern/mailbox/previous-key/1",
  /** Key-encryption key of a keyslot, by kind, from the slot's secret and salt. */
  slotKey: {
    "app-password": "postern/keyslot/app-password/1",
    "recovery-code": "postern/keyslot/recovery-code/1",
    passkey: "postern/keyslot/passkey/1",
    passphrase: "postern/keyslot/passphrase/1",
    "test-only": "postern/keyslot/test-only/1",
  },
  /** Commitment to a keyslot's key: a ciphertext that opens under two keys cannot pass under both. */
  slotCommitment: "postern/keyslot/commitment/1",
  /** Head of a keyslot's associated data. */
  slotBinding: "postern/keyslot/binding/1",
  /** Checksum characters of an app password or recovery code (not a key). */
  checksum: "postern/secret-text/checksum/1",
  /** Page key of the node's own database, from the node key. */
  nodeDb: "postern/node/node-db/1",
  /** Page key of a mailbox's locked inbox, from the node key, salted with the mailbox id. */
  inboxKey: "postern/node/inbox-db/1",
  /** Page key of the relay queue's file, from the node key. */
  queueDb: "postern/node/queue-db/1",
  /** HMAC key of rewritten return paths (SRS), from the node key. */
  srsSecret: "postern/node/srs-secret/1",
  /** MAC over `postern restore`'s mark, from the node key. */
  restoreMark: "postern/node/restore-mark/1",
  /** MAC over the list of a copy of the node's files, from the node key. */
  copyList: "postern/node/copy-list/1",
  /** Transit seeds of the node, from the node key, before the day. */
  transitSeed: "postern/node/transit-seed/1",
  /** Wrapping key of the edge's daily transit seeds, from the edge's Ed25519 seed. */
  edgeTransit: "postern/edge/transit-seed/1",
  /** Key of sealed TXT records, from the edge's Ed25519 seed. */
  txtRecord: "postern/edge/txt-record/1",
  /** Ed25519 seed that signs webhooks of domains without an account, from the edge's Ed25519 seed. */
  webhookKey: "postern/edge/webhook-key/1",
  /** HMAC key of short-lived links to raw messages, from the edge's Ed25519 seed. */
  rawLink: "postern/edge/raw-link/1",
  /** AES-GCM key of TOTP secrets at rest, from the edge's Ed25519 seed. */
  totpSecret: "postern/totp/1",
  /** AES-GCM key of a remembered API answer, from the edge's Ed25519 seed, salted with the request's own key. */
  remembered: "postern/edge/remembered-answer/1",
} as const;
