/** For each operation of the API: a request that its owner may make, on things of the first tenant. */
import { toBase64 } from "../../src/core/bytes.ts";
import { makeAppPassword, makeRecoveryCode, newMailbox, wrapKey } from "../../src/core/seal/keys.ts";
import { random } from "../../src/daemon/platform.ts";
import type { ApiClient } from "./api-client.ts";
import { type Edge, letter } from "./world.ts";

export type Sample = {
  params: Record<string, string>;
  body?: unknown;
  /** With its question mark. */
  query?: string;
  /** Parameters that name nothing. */
  missing?: Record<string, string>;
  /** Personal, but about a thing with an id: a stranger's request must not find it. */
  owned?: true;
  before?: () => Promise<void>;
  /** Why its success is shown elsewhere. */
  skip?: string;
};

export async function samplesFor(edge: Edge, owner: ApiClient, stranger: ApiClient): Promise<Record<string, Sample>> {
  const ids = await seed(edge, owner, stranger);
  const domain = { domain: ids.domain };
  const alias = { ...domain, alias: ids.alias };
  const mailbox = { mailbox: ids.mailbox };
  const none = edge.newId();
  const noDomain = { missing: { domain: none } };
  const password = "a long demo password";
  return {
    setUp: { params: {}, body: { email: "x@y.test", password, token: "x" }, skip: "api.test.ts" },
    signIn: { params: {}, body: { email: "owner@a.test", password } },
    askPasskey: { params: {} },
    signInByPasskey: { params: {}, body: passkeyAnswer, skip: "sign-in.test.ts: needs an authenticator" },
    prove: { params: {}, body: { password } },
    proveByPasskey: { params: {}, body: passkeyAnswer, skip: "factors.test.ts: needs an authenticator" },
    askSignUp: { params: {}, body: { email: "new@a.test" }, skip: byMail },
    finishSignUp: { params: {}, body: { token: "x", password }, skip: byMail },
    askReset: { params: {}, body: { email: "owner@a.test" }, skip: byMail },
    resetPassword: { params: {}, body: { token: "x", password }, skip: byMail },
    confirmEmail: { params: {}, body: { token: "x" }, skip: byMail },
    undoEmail: { params: {}, body: { token: "x" }, skip: "undo.test.ts: needs a mailed link" },
    joinNew: { params: {}, body: { token: "x", password }, skip: byMail },
    changePassword: { params: {}, body: { current: password, password } },
    totp: { params: {} },
    beginTotp: { params: {} },
    confirmTotp: { params: {}, body: { code: "000000" }, skip: "factors.test.ts: needs an app" },
    endTotp: { params: {} },
    makeRecoveryCodes: { params: {}, skip: "factors.test.ts: needs an app" },
    revokeOtherSessions: { params: {} },
    askVerified: { params: {}, skip: byMail },
    changeEmail: { params: {}, body: { email: "new@a.test" }, skip: byMail },
    accountAudit: { params: {} },
    removeAccount: { params: {}, skip: byMail },
    signOut: { params: {} },
    account: { params: {} },
    changeAccount: { params: {}, body: { name: "Ana" } },
    sessions: { params: {} },
    revokeSession: {
      params: { session: ids.session },
      missing: { session: "0".repeat(64) },
      owned: true,
      before: () => openSession(edge, ids.session),
    },
    keys: { params: {} },
    addKey: { params: {}, body: { name: "script", scopes: ["aliases:read"] } },
    removeKey: { params: { key: ids.key }, missing: { key: none }, owned: true },
    passkeys: { params: {} },
    askNewPasskey: { params: {} },
    addPasskey: { params: {}, body: { ...passkeyAnswer, name: "x", attestationObject: "x" }, skip: "sign-in.test.ts" },
    removePasskey: { params: { passkey: "pk-1" }, missing: { passkey: "pk-2" }, owned: true },
    domains: { params: {} },
    addDomain: { params: {}, body: { name: "new.test" } },
    domain: { params: domain, ...noDomain },
    removeDomain: { params: domain, ...noDomain, before: () => emptied(edge, ids.domain) },
    aliases: { params: domain, ...noDomain },
    addAlias: { params: domain, ...noDomain, body: aliasBody("added") },
    bulkAliases: { params: domain, ...noDomain, body: { ids: [ids.alias], act: "disable" } },
    setAliases: { params: domain, ...noDomain, body: { aliases: [definition] } },
    alias: { params: alias, missing: { alias: none } },
    changeAlias: { params: alias, missing: { alias: none }, body: { note: "changed" } },
    removeAlias: { params: alias, missing: { alias: none } },
    resumeDestination: { params: { ...alias, destination: ids.to }, missing: { destination: none } },
    vacation: { params: alias, missing: { alias: none } },
    setVacation: { params: alias, missing: { alias: none }, body: { text: "Back on Monday." } },
    removeVacation: { params: alias, missing: { alias: none } },
    readTxt: { params: {}, body: { domain: "a.test", records: ["postern=me@b.test"] } },
    txtRules: { params: domain, ...noDomain },
    setTxtRules: { params: domain, ...noDomain, body: { enabled: true } },
    sealTxt: { params: {}, body: { domain: "a.test", rules: "hello:me@elsewhere.test" } },
    explain: { params: domain, ...noDomain, body: { local: "hello", mailFrom: "bob@friendly.test" } },
    exportAliases: { params: domain, ...noDomain },
    importAliases: { params: domain, ...noDomain, body: importBody },
    senderRules: { params: domain, ...noDomain },
    addSenderRule: { params: domain, ...noDomain, body: { act: "deny", value: ".xyz" } },
    removeSenderRule: { params: { ...domain, rule: ids.rule }, missing: { rule: none } },
    aliasSenderRules: { params: alias, missing: { alias: none } },
    addAliasSenderRule: { params: alias, missing: { alias: none }, body: { act: "allow", value: "b.spam.test" } },
    removeAliasSenderRule: { params: { ...alias, rule: ids.aliasRule }, missing: { rule: none } },
    ownSenderRules: { params: {} },
    addOwnSenderRule: { params: {}, body: { act: "deny", value: "192.0.2.0/24" } },
    removeOwnSenderRule: { params: { rule: ids.ownRule }, missing: { rule: none }, owned: true },
    webhooks: { params: domain, ...noDomain },
    addWebhook: { params: domain, ...noDomain, body: { url: "https://hooks.example/new" } },
    changeWebhook: { params: { ...domain, webhook: ids.hook }, missing: { webhook: none }, body: { rotate: "v1a" } },
    removeWebhook: { params: { ...domain, webhook: ids.hook }, missing: { webhook: none } },
    testWebhook: { params: { ...domain, webhook: ids.hook }, missing: { webhook: none } },
    deliveries: { params: { ...domain, webhook: ids.hook }, missing: { webhook: none } },
    webhook: { params: { ...domain, webhook: ids.hook }, missing: { webhook: none } },
    replayWebhook: {
      params: { ...domain, webhook: ids.hook },
      missing: { webhook: none },
      body: { message: "wh-of-nothing" },
    },
    zoneFile: { params: domain, ...noDomain },
    proveDomain: { params: domain, ...noDomain },
    applyRecords: { params: domain, ...noDomain, body: { token: "a-cloudflare-token" }, skip: "api-lists.test.ts" },
    changeDomain: { params: domain, ...noDomain, body: { node: edge.node.id } },
    stats: { params: {} },
    reports: { params: {} },
    checkAccountAudit: { params: {} },
    records: { params: domain, ...noDomain },
    checks: { params: domain, ...noDomain },
    mailboxes: { params: {} },
    addMailbox: { params: {}, body: mailboxBody(edge, "second@a.test") },
    mailbox: { params: mailbox, missing: { mailbox: none } },
    changeMailbox: { params: mailbox, missing: { mailbox: none }, body: { quotaBytes: 2e9 } },
    keyslots: { params: mailbox, missing: { mailbox: none } },
    addKeyslot: { params: mailbox, missing: { mailbox: none }, body: slotOf(edge, ids.mailbox, "tablet") },
    rotateMailbox: {
      params: mailbox,
      missing: { mailbox: none },
      body: rotationOf(edge, ids.mailbox),
      skip: "keys.test.ts",
    },
    waiting: { params: mailbox, missing: { mailbox: none } },
    retryWaiting: { params: mailbox, missing: { mailbox: none } },
    removeMailbox: { params: mailbox, missing: { mailbox: none }, skip: "keys.test.ts" },
    revokeKeyslot: { params: { ...mailbox, slot: ids.slot }, missing: { slot: none } },
    activity: { params: {} },
    liveActivity: { params: {}, query: "?seconds=1" },
    message: { params: { message: ids.message }, missing: { message: none }, owned: true },
    retryMessage: { params: { message: ids.message }, missing: { message: none } },
    members: { params: domain, ...noDomain },
    member: { params: { ...domain, account: ids.guest }, missing: { account: none } },
    changeMember: { params: { ...domain, account: ids.guest }, missing: { account: none }, body: { role: "admin" } },
    removeMember: { params: { ...domain, account: ids.guest }, missing: { account: none } },
    leaveDomain: { params: domain, ...noDomain, owned: true, skip: "dangerous.test.ts: the only owner stays" },
    invitations: { params: domain, ...noDomain },
    invite: { params: domain, ...noDomain, body: { email: "fresh@a.test", role: "member" } },
    removeInvitation: { params: { ...domain, invitation: ids.invitation }, missing: { invitation: "0".repeat(64) } },
    acceptInvitation: { params: {}, body: { token: "x" }, skip: "sign-in.test.ts: needs the other person" },
    mfa: { params: domain, ...noDomain },
    demandMfa: { params: domain, ...noDomain, body: { mfa: false } },
    audit: { params: domain, ...noDomain },
    checkAudit: { params: domain, ...noDomain },
    nodes: { params: {} },
    enrolNode: {
      params: {},
      body: {
        id: "n2",
        name: "two",
        origin: "https://127.0.0.1:1",
        mxHost: "mx2.test",
        publicKey: toBase64(random(32)),
      },
    },
    node: { params: { node: edge.node.id }, missing: { node: "n9" } },
    changeNode: { params: { node: edge.node.id }, missing: { node: "n9" }, body: { name: "renamed" } },
    places: { params: {} },
    moves: { params: {} },
    askMove: { params: {}, body: { address: "ana@a.test", node: "n3" }, before: () => asked(edge, ids.mailbox, null) },
    move: {
      params: { move: ids.move },
      missing: { move: none },
      before: () => asked(edge, ids.mailbox, ids.move),
    },
    cancelMove: {
      params: { move: ids.move },
      missing: { move: none },
      before: () => asked(edge, ids.mailbox, ids.move),
    },
  };
}

function rotationOf(edge: Edge, mailboxId: string): unknown {
  const keyId = "0".repeat(32);
  const keyslots = ["phone", "tablet"].map((label) => slotOf(edge, mailboxId, label));
  return { revision: 1, publicKey: "", keyId, previous: { keyId, nonce: "", wrapped: "" }, keyslots };
}

const definition = { kind: "exact", pattern: "set", destinations: [{ kind: "address", target: "me@elsewhere.test" }] };
const importBody = { source: "postern", text: JSON.stringify([]), mode: "add", apply: true };
const byMail = "by-mail.test.ts: needs a mailed link";
const passkeyAnswer = { id: "x", clientDataJSON: "x", authenticatorData: "x", signature: "x" };

function aliasBody(pattern: string): unknown {
  return { kind: "exact", pattern, destinations: [{ kind: "address", target: "me@elsewhere.test" }] };
}

function slotOf(edge: Edge, mailboxId: string, label: string) {
  const { selector, secret } = makeAppPassword(random);
  const about = { id: edge.newId(), kind: "app-password" as const, selector, label, createdAt: Date.now(), mailboxId };
  return wrapKey(random(32), secret, about, random);
}

function mailboxBody(edge: Edge, address: string) {
  const box = newMailbox(edge.newId(), random);
  const recovery = makeRecoveryCode(random);
  const about = {
    id: edge.newId(),
    kind: "recovery-code" as const,
    selector: recovery.selector,
    label: "code",
    createdAt: Date.now(),
    mailboxId: box.mailboxId,
  };
  const keyslots = [slotOf(edge, box.mailboxId, "phone"), wrapKey(box.masterKey, recovery.secret, about, random)];
  const keys = { publicKey: toBase64(box.publicKey), keyId: box.keyId, keyslots };
  return { id: box.mailboxId, address, node: edge.node.id, quotaBytes: 1e9, ...keys };
}

async function seed(edge: Edge, owner: ApiClient, stranger: ApiClient) {
  const domain = String(
    (await owner.post("/domains", { name: "a.test", node: edge.node.id, active: true })).body["id"],
  );
  await stranger.post("/domains", { name: "b.test" });
  const alias = String((await owner.post(`/domains/${domain}/aliases`, aliasBody("hello"))).body["id"]);
  const to = (await edge.rows<{ id: string }>("select id from destination where alias = ?", alias))[0]?.id ?? "";
  await away(edge, alias);
  const box = mailboxBody(edge, "ana@a.test");
  await owner.post("/mailboxes", box);
  await edge.deliver({ from: "bob@friendly.test", to: ["hello@a.test"], raw: letter("bob@friendly.test") });
  const [message] = await edge.rows<{ id: string }>("select id from journal where domain = ?", domain);
  const key = String((await owner.post("/account/keys", { name: "old", scopes: ["aliases:read"] })).body["id"]);
  await owner.post(`/domains/${domain}/invitations`, { email: "asked@a.test", role: "member" });
  const [invitation] = await edge.rows<{ id: string }>("select id from invitation");
  const rule = String((await owner.post(`/domains/${domain}/senders`, { act: "deny", value: "spam.test" })).body["id"]);
  const aliasList = `/domains/${domain}/aliases/${alias}/senders`;
  const aliasRule = String((await owner.post(aliasList, { act: "allow", value: "a.spam.test" })).body["id"]);
  const ownRule = String((await owner.post("/account/senders", { act: "deny", value: ".zip" })).body["id"]);
  const hook = String(
    (await owner.post(`/domains/${domain}/webhooks`, { url: "https://hooks.example/in" })).body["id"],
  );
  const guest = await edge.addAccount("guest@a.test");
  const now = Date.now();
  await edge.insert("membership", { account: guest, domain, role: "member", created_at: now });
  const [me] = await edge.rows<{ id: string }>("select id from account where email = 'owner@a.test'");
  await edge.insert("passkey", {
    id: "pk-1",
    account: me?.id ?? "",
    name: "pk",
    public_key: "",
    algorithm: -7,
    counter: 0,
    created_at: now,
  });
  const move = edge.newId();
  await asked(edge, box.id, move);
  const session = "ab".repeat(32);
  await openSession(edge, session);
  const ids = {
    domain,
    alias,
    to,
    mailbox: box.id,
    slot: box.keyslots[0]?.id ?? "",
    move,
    key,
    guest,
    session,
    rule,
    hook,
    aliasRule,
    ownRule,
  };
  return { ...ids, message: message?.id ?? "", invitation: invitation?.id ?? "" };
}

/** A third node was heard of just now; the mailbox is on its way there by this move, or by none. */
async function asked(edge: Edge, mailbox: string, id: string | null): Promise<void> {
  const now = Date.now();
  await edge.rows("delete from mailbox_move");
  await edge.rows(
    "insert into node (id, name, origin, mx_host, public_key, state, created_at) values ('n3', 'three', 'https://127.0.0.1:1', 'mx3.test', '', 'active', 0) on conflict do nothing",
  );
  // The first node was heard of later: what is sent on goes by way of that.
  await edge.rows("update node set last_seen_at = case id when 'n3' then ?1 else ?1 + 1 end", now);
  const row = { mailbox, source: edge.node.id, target: "n3", epoch: 0, state: "asked", asked_at: now };
  if (id !== null) await edge.insert("mailbox_move", { id, ...row });
}

/** One of the owner's, besides the one that asks. */
async function openSession(edge: Edge, id: string): Promise<void> {
  const [me] = await edge.rows<{ id: string }>("select id from account where email = 'owner@a.test'");
  await edge.env.DIRECTORY.prepare("delete from session where id = ?").bind(id).run();
  const now = Date.now();
  const times = { created_at: now, last_seen_at: now, expires_at: now + 1e9 };
  await edge.insert("session", { id, account: me?.id ?? "", agent: "old", ...times });
}

async function away(edge: Edge, alias: string): Promise<void> {
  await edge.env.DIRECTORY.prepare(
    "insert or replace into vacation (alias, subject, text, every_days, enabled) values (?, '', 'away', 7, 1)",
  )
    .bind(alias)
    .run();
}

/** A domain with mailboxes may not be removed. */
async function emptied(edge: Edge, domain: string): Promise<void> {
  await edge.env.DIRECTORY.prepare("update mailbox set state = 'deleted', applied_revision = revision where domain = ?")
    .bind(domain)
    .run();
}
