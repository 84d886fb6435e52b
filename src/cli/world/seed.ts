/**
 * The demo's contents, made through the product's own API as an operator would: the first account, the node, the domain, a
 * mailbox and three aliases. Each step looks first, so a second start changes only what moved (ports).
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { z } from "zod";
import { makeMailbox } from "../mailbox.ts";
import type { Place, Secrets } from "./place.ts";

const demoSchema = z.strictObject({
  mailbox: z.strictObject({
    id: z.string(),
    address: z.string(),
    password: z.string(),
    recoveryCode: z.string(),
    publicKey: z.string(),
    keyId: z.string(),
  }),
  domain: z.string(),
});
type Made = z.infer<typeof demoSchema>;
/** `ownership`: the TXT record by which an owner proves the demo's domain. */
export type Demo = Made & { ownership: { name: string; value: string } };

export type SeedOptions = { origin: string; nodeOrigin: string; mxHost: string };

export async function seed(place: Place, secrets: Secrets, options: SeedOptions): Promise<Demo> {
  const api = await signIn(options.origin, secrets);
  const node = {
    id: secrets.nodeId,
    name: "demo node",
    origin: options.nodeOrigin,
    mxHost: options.mxHost,
    publicKey: secrets.node.publicKey,
  };
  await api("POST", "/api/nodes", node);
  await untilSeen(api, secrets.nodeId);
  const made = existsSync(place.demo)
    ? demoSchema.parse(JSON.parse(readFileSync(place.demo, "utf8")))
    : await makeDemo(api, place, secrets.nodeId);
  return { ...made, ...ownershipSchema.parse(await api("GET", `/api/domains/${made.domain}`, undefined)) };
}

async function makeDemo(api: Api, place: Place, nodeId: string): Promise<Made> {
  const { id: domain } = idSchema.parse(
    await api("POST", "/api/domains", { name: "demo.test", node: nodeId, active: true }),
  );
  const box = makeMailbox("demo@demo.test");
  const { id, address, publicKey, keyId, quotaBytes, keyslots } = box.record;
  await api("POST", "/api/mailboxes", { id, address, node: nodeId, publicKey, keyId, quotaBytes, keyslots });
  const aliases = `/api/domains/${domain}/aliases`;
  await api("POST", aliases, { kind: "exact", pattern: "hello", destinations: [{ kind: "mailbox", target: id }] });
  const destinations = [{ kind: "address", target: "friend@elsewhere.test" }];
  await api("POST", aliases, { kind: "exact", pattern: "friend", destinations });
  // The operator's own address: notices and postmaster's mail go there.
  await api("POST", aliases, { kind: "exact", pattern: "admin", destinations: [{ kind: "mailbox", target: id }] });
  const { appPassword: password, recoveryCode } = box;
  const made: Made = { mailbox: { id, address, password, recoveryCode, publicKey, keyId }, domain };
  writeFileSync(place.demo, JSON.stringify(made), { mode: 0o600 });
  return made;
}

const ownershipSchema = z.object({ ownership: z.object({ name: z.string(), value: z.string() }) });
const nodeSchema = z.object({ lastSeenAt: z.int().nullable() });
const seenWithinMs = 60_000;

/** Until the node's heartbeat has reached the edge: before that there is no way out for mail. */
export async function untilSeen(api: Api, node: string): Promise<void> {
  for (;;) {
    const { lastSeenAt } = nodeSchema.parse(await api("GET", `/api/nodes/${node}`, undefined));
    if (lastSeenAt !== null && Date.now() - lastSeenAt < seenWithinMs) return;
    await new Promise((later) => setTimeout(later, 200));
  }
}

const idSchema = z.object({ id: z.string() });
export type Api = (method: string, path: string, body: unknown) => Promise<unknown>;

/** The first account where there is none, else a sign-in; answers calls that carry the session. */
export async function signIn(origin: string, { admin, setupToken }: Secrets): Promise<Api> {
  const post = (path: string, body: unknown): Promise<Response> =>
    fetch(`${origin}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", origin },
      body: JSON.stringify(body),
    });
  let response = await post("/api/session", admin);
  if (!response.ok) response = await post("/api/setup", { token: setupToken, ...admin });
  // Seen once, and not explained: closed although nobody was set up before. Where our own account is there, it opens.
  if (response.status === 403) response = await post("/api/session", admin);
  if (!response.ok) throw new Error(`the demo account can't sign in: ${response.status} ${await response.text()}`);
  const cookie = response.headers
    .getSetCookie()
    .map((each) => each.split(";")[0])
    .join("; ");
  return async (method, path, body) => {
    const headers = { "content-type": "application/json", origin, cookie };
    const answer = await fetch(`${origin}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return text === "" ? null : JSON.parse(text);
  };
}
