/** “What happens to mail for X from Y?”: the pipeline's own answer, for an address or a whole pasted message. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { utf8 } from "../../../src/core/bytes.ts";
import type { DomainView } from "../../directory/domains.ts";
import { addressesOf } from "../../directory/mailbox-list.ts";
import { type Explained, explainMail } from "../../explain.ts";
import { openEdge } from "../../platform.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { type ExplainForm, ExplainView } from "../explain-view.tsx";
import { formOf, signedIn } from "../guard.tsx";
import { domainHere } from "../reader.ts";
import { page } from "../shell.tsx";

export const explainPages = new Hono<App>();

const word = z.string().max(320).default("");
const form = z.object({ local: word, mailFrom: word, ip: word, helo: word, raw: z.string().max(200_000).default("") });

explainPages.get(
  "/domains/:domain/explain",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    const asked = form.catch(form.parse({})).parse(c.req.query());
    const answer = asked.local === "" ? null : await ask(c, domain, asked);
    return explainPage(c, visitor, domain, asked, answer);
  }),
);

/** By POST where a message is pasted: it belongs into no address bar. */
explainPages.post(
  "/domains/:domain/explain",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    const asked = await formOf(c, visitor, form);
    return explainPage(c, visitor, domain, asked, asked.local === "" ? null : await ask(c, domain, asked));
  }),
);

function ask(c: Context<App>, domain: DomainView, asked: ExplainForm): Promise<Explained> {
  const local = asked.local.split("@")[0] ?? "";
  const raw = asked.raw.trim() === "" ? null : utf8(asked.raw.replace(/\r?\n/g, "\r\n"));
  return explainMail(openEdge(c.env, c.executionCtx), {
    recipient: `${local}@${domain.name}`,
    mailFrom: asked.mailFrom.trim(),
    ip: asked.ip.trim() || null,
    helo: asked.helo.trim() || null,
    raw,
  });
}

function targetsOf(answer: Explained | null): string[] {
  return answer === null ? [] : [...answer.copies, ...answer.skips].map(({ target }) => target);
}

async function explainPage(
  c: Context<App>,
  visitor: Visitor,
  domain: DomainView,
  asked: ExplainForm,
  answer: Explained | null,
): Promise<Response> {
  const names = await addressesOf(c.get("world"), [domain.id], targetsOf(answer));
  const view = <ExplainView {...{ visitor, domain, asked, answer, names }} />;
  return page(c, visitor, { title: `Explain · ${domain.name}`, at: "domains" }, view);
}
