/** Your sign-in: password, codes, passkeys, sessions, API keys. Dangerous acts ask for the password again. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { configOf } from "../../config.ts";
import { renameAccount } from "../../directory/accounts.ts";
import { foldDomain } from "../../directory/address.ts";
import { auditLog, record } from "../../directory/audit.ts";
import type { DomainView } from "../../directory/domains.ts";
import { Problem } from "../../directory/problem.ts";
import { openEdge } from "../../platform.ts";
import { addKey, keysOf, removeKey, type Scope, scopes } from "../../sign-in/api-key.ts";
import { leave, newPassword, newRecoveryCodes, proveAgain, switchCodesOn } from "../../sign-in/enter.ts";
import { askNewEmail, askVerified } from "../../sign-in/new-email.ts";
import { passkeysOf, removePasskey } from "../../sign-in/passkey.ts";
import { codesLeft } from "../../sign-in/recovery.ts";
import { closeOtherSessions, markProved, revokeSession, sessionsOf } from "../../sign-in/session.ts";
import { beginTotp, endTotp, hasTotp, pendingTotp, totpUri } from "../../sign-in/totp.ts";
import { type App, ipOf, siteOf, takeCookie } from "../../sign-in/visitor.ts";
import type { Me } from "../act.tsx";
import { CodesOnce, TotpForm } from "../factor-views.tsx";
import { attempt, formOf, proved, safeNext, signedIn } from "../guard.tsx";
import { KeyOnce } from "../key-views.tsx";
import { myDomains } from "../reader.ts";
import { SecurityView } from "../security-views.tsx";
import { ProveForm } from "../session-views.tsx";
import { page } from "../shell.tsx";

export const securityPages = new Hono<App>();

const frame = { title: "Sign-in", at: "security" as const, islands: ["passkey"] };
const nothing = z.object({});

securityPages.get(
  "/security",
  signedIn((c, me) => overview(c, me, null)),
);

async function overview(c: Context<App>, me: Me, problem: Problem | null): Promise<Response> {
  const world = c.get("world");
  const { id } = me.account;
  const [totp, codes, passkeys, sessions, keys, log, domains] = await Promise.all([
    hasTotp(world, id),
    codesLeft(world, id),
    passkeysOf(world, id),
    sessionsOf(world, id),
    keysOf(world, id),
    auditLog(world, id, { limit: 12 }),
    myDomains(c, me),
  ]);
  const view = <SecurityView {...{ me, totp, codes, passkeys, sessions, keys, log: log.rows, domains, problem }} />;
  return page(c, me, { ...frame, status: problem === null ? 200 : 422 }, view);
}

securityPages.post(
  "/security/name",
  signedIn(async (c, me) => {
    const { name } = await formOf(c, me, z.object({ name: z.string().max(100) }));
    await renameAccount(c.get("world"), me.account.id, name.trim());
    return c.redirect("/security?done=name-changed", 303);
  }),
);

const passwordForm = z.object({ current: z.string().max(200), password: z.string().max(400) });

securityPages.post(
  "/security/password",
  signedIn(async (c, me) => {
    const form = await formOf(c, me, passwordForm);
    const world = c.get("world");
    const tried = await attempt(() => newPassword(world, me.account, form, me.session.id, ipOf(c)));
    return tried.ok ? c.redirect("/security?done=password-changed", 303) : overview(c, me, tried.problem);
  }),
);

securityPages.get(
  "/security/prove",
  signedIn((c, me) => provePage(c, me, null)),
);

const proveForm = z.object({
  password: z.string().max(200),
  code: z.string().max(20).default(""),
  next: z.string().default(""),
});

securityPages.post(
  "/security/prove",
  signedIn(async (c, me) => {
    const form = await formOf(c, me, proveForm);
    const world = c.get("world");
    const tried = await attempt(async () => {
      await markProved(
        world,
        me.session.id,
        await proveAgain(world, me.account, form, configOf(c.env).edgeSeed, ipOf(c)),
      );
    });
    return tried.ok ? c.redirect(safeNext(form.next || "/security"), 303) : provePage(c, me, tried.problem);
  }),
);

async function provePage(c: Context<App>, me: Me, problem: Problem | null): Promise<Response> {
  const next = safeNext(c.req.query("next") ?? "/security");
  const world = c.get("world");
  const [totp, left] = await Promise.all([hasTotp(world, me.account.id), codesLeft(world, me.account.id)]);
  const code = totp ? "asked" : left > 0 ? "taken" : "none";
  const view = <ProveForm {...{ me, next, problem, code }} />;
  return page(c, me, { ...frame, status: problem === null ? 200 : 422 }, view);
}

securityPages.post(
  "/security/totp/begin",
  proved(async (c, me) => {
    await formOf(c, me, nothing);
    const tried = await attempt(() => beginTotp(c.get("world"), me.account.id, configOf(c.env).edgeSeed));
    if (!tried.ok) return overview(c, me, tried.problem);
    return c.redirect("/security/totp", 303);
  }),
);

securityPages.get(
  "/security/totp",
  proved((c, me) => totpPage(c, me, null)),
);

securityPages.post(
  "/security/totp/confirm",
  proved(async (c, me) => {
    const { code } = await formOf(c, me, z.object({ code: z.string().max(20) }));
    const world = c.get("world");
    const here = { account: me.account.id, session: me.session.id };
    const tried = await attempt(() => switchCodesOn(world, here, configOf(c.env).edgeSeed, code));
    if (!tried.ok) return totpPage(c, me, tried.problem);
    return page(c, me, frame, <CodesOnce codes={tried.value} first />);
  }),
);

async function totpPage(c: Context<App>, me: Me, problem: Problem | null): Promise<Response> {
  const secret = await pendingTotp(c.get("world"), me.account.id, configOf(c.env).edgeSeed);
  if (secret === null) return c.redirect("/security", 303);
  const uri = totpUri(secret, me.account.email, siteOf(c).host);
  return page(
    c,
    me,
    { ...frame, status: problem === null ? 200 : 422 },
    <TotpForm me={me} uri={uri} problem={problem} />,
  );
}

securityPages.post(
  "/security/totp/off",
  proved(async (c, me) => {
    await formOf(c, me, nothing);
    const tried = await attempt(() => endTotp(c.get("world"), me.account.id));
    if (!tried.ok) return overview(c, me, tried.problem);
    return c.redirect("/security?done=totp-off", 303);
  }),
);

securityPages.post(
  "/security/codes",
  proved(async (c, me) => {
    await formOf(c, me, nothing);
    const tried = await attempt(() => newRecoveryCodes(c.get("world"), me.account.id));
    if (!tried.ok) return overview(c, me, tried.problem);
    return page(c, me, frame, <CodesOnce codes={tried.value} first={false} />);
  }),
);

securityPages.post(
  "/security/passkeys/remove",
  proved(async (c, me) => {
    const { passkey } = await formOf(c, me, z.object({ passkey: z.string().max(1400) }));
    const tried = await attempt(() => removePasskey(c.get("world"), me.account.id, passkey));
    if (!tried.ok) return overview(c, me, tried.problem);
    return c.redirect("/security?done=passkey-removed", 303);
  }),
);

securityPages.post(
  "/security/email/link",
  signedIn(async (c, me) => {
    await formOf(c, me, nothing);
    const tried = await attempt(() => askVerified(openEdge(c.env, c.executionCtx), c.get("world"), me.account));
    return tried.ok ? c.redirect("/security?done=link-mailed", 303) : overview(c, me, tried.problem);
  }),
);

const emailForm = z.object({ email: z.string().max(320) });

securityPages.post(
  "/security/email",
  proved(async (c, me) => {
    const { email } = await formOf(c, me, emailForm);
    const edge = openEdge(c.env, c.executionCtx);
    const tried = await attempt(() => askNewEmail(edge, c.get("world"), me.account, email, ipOf(c)));
    return tried.ok ? c.redirect("/security?done=link-mailed", 303) : overview(c, me, tried.problem);
  }),
);

securityPages.post(
  "/security/leave",
  proved(async (c, me) => {
    const { email } = await formOf(c, me, emailForm);
    const tried = await attempt(() => leave(c.get("world"), me.account, email));
    if (!tried.ok) return overview(c, me, tried.problem);
    takeCookie(c);
    return c.redirect("/sign-in?done=left", 303);
  }),
);

securityPages.post(
  "/security/sessions/revoke",
  signedIn(async (c, me) => {
    const { session } = await formOf(c, me, z.object({ session: z.string().max(64) }));
    const world = c.get("world");
    if (session === "others") await closeOtherSessions(world, me.account.id, me.session.id);
    else await revokeSession(world, me.account.id, session);
    await record(world, { domain: null, act: "session.revoked", subject: session.slice(0, 8) });
    return c.redirect(`/security?done=${session === "others" ? "sessions-revoked" : "session-revoked"}`, 303);
  }),
);

const keyForm = z.object({
  name: z.string().min(1, "Give the key a name.").max(100),
  days: z.coerce.number().int().min(1).max(3650),
  scopes: z.union([z.string(), z.array(z.string())], "Tick at least one thing it may do."),
  reach: z.enum(["all", "some"]).default("all"),
  names: z.string().max(10_000).default(""),
});

/** The ids of the domains that are named, however they are parted. */
function namedAmong(domains: readonly DomainView[], text: string): string[] {
  const byName = new Map(domains.map(({ id, name }) => [name, id]));
  return text.split(/[\s,;]+/).flatMap((word) => {
    if (word === "") return [];
    const id = byName.get(foldDomain(word) ?? "");
    if (id === undefined)
      throw new Problem(422, "bad-domains", `“${word}” is none of your domains.`, { field: "domains" });
    return [id];
  });
}

securityPages.post(
  "/security/keys",
  proved(async (c, me) => {
    const world = c.get("world");
    const tried = await attempt(async () => {
      const form = await formOf(c, me, keyForm);
      const chosen = [form.scopes].flat().filter((one): one is Scope => scopes.some((scope) => scope === one));
      const expiresAt = world.clock() + form.days * 86_400_000;
      const domains = form.reach === "all" ? null : namedAmong(await myDomains(c, me), form.names);
      return addKey(world, me.account, { name: form.name, scopes: chosen, domains, expiresAt });
    });
    if (!tried.ok) return overview(c, me, tried.problem);
    return page(c, me, frame, <KeyOnce name={tried.value.key.name} text={tried.value.text} />);
  }),
);

securityPages.post(
  "/security/keys/remove",
  signedIn(async (c, me) => {
    const { key } = await formOf(c, me, z.object({ key: z.string().max(26) }));
    await removeKey(c.get("world"), me.account.id, key);
    return c.redirect("/security?done=key-removed", 303);
  }),
);
