/** The automatic answer of one alias. */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import { z } from "zod";
import { type Alias, aliasFor } from "../../directory/aliases.ts";
import type { DomainView } from "../../directory/domains.ts";
import type { Problem } from "../../directory/problem.ts";
import { removeVacation, setVacation, type VacationInput, vacationOf } from "../../directory/vacations.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { DomainHead } from "../domain-head.tsx";
import { Alert } from "../gate-views.tsx";
import { attempt, formOf, signedIn } from "../guard.tsx";
import { Field, FormToken, fieldAria } from "../parts.tsx";
import { domainHere } from "../reader.ts";
import { page } from "../shell.tsx";

export const answerPages = new Hono<App>();

const path = "/domains/:domain/aliases/:alias/answer";
const dayMs = 86_400_000;
const day = z.union([z.iso.date(), z.literal("")]);
const answerForm = z.object({
  subject: z.string().max(200),
  text: z.string().min(1, "Write what people are to read.").max(10_000),
  startsAt: day,
  endsAt: day,
  everyDays: z.coerce.number().int().min(1).max(90),
  act: z.enum(["save", "off", "remove"]),
});

answerPages.get(
  path,
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const alias = await aliasFor(c.get("world"), domain.id, c.req.param("alias") ?? "");
    const now = await vacationOf(c.get("world"), alias.id);
    const view = <AnswerView {...{ visitor, domain, alias, now, problem: null }} />;
    return page(c, visitor, { title: `Answer · ${domain.name}`, at: "domains" }, view);
  }),
);

answerPages.post(
  path,
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const world = c.get("world");
    const alias = await aliasFor(world, domain.id, c.req.param("alias") ?? "");
    const form = await formOf(c, visitor, answerForm);
    const input = read(form);
    const work = (): Promise<unknown> =>
      form.act === "remove" ? removeVacation(world, alias) : setVacation(world, alias, input);
    const tried = await attempt(work);
    if (tried.ok) return c.redirect(`/domains/${domain.id}?done=settings-changed`, 303);
    const view = <AnswerView {...{ visitor, domain, alias, now: input, problem: tried.problem }} />;
    return page(c, visitor, { title: `Answer · ${domain.name}`, at: "domains", status: 422 }, view);
  }),
);

/** Days are UTC's; the last one counts whole. */
function read({ subject, text, startsAt, endsAt, everyDays, act }: z.output<typeof answerForm>): VacationInput {
  return {
    subject,
    text,
    startsAt: startsAt === "" ? null : Date.parse(startsAt),
    endsAt: endsAt === "" ? null : Date.parse(endsAt) + dayMs - 1,
    everyDays,
    enabled: act === "save",
  };
}

function dayText(at: number | null | undefined): string {
  return typeof at === "number" ? new Date(at).toISOString().slice(0, 10) : "";
}

type Props = { visitor: Visitor; domain: DomainView; alias: Alias; now: VacationInput | null; problem: Problem | null };

const AnswerView: FC<Props> = ({ visitor, domain, alias, now, problem }) => (
  <>
    <DomainHead domain={domain} at="aliases" />
    <section class="card stack" aria-labelledby="answer">
      <h2 id="answer">
        Automatic answer of {alias.pattern}@{domain.name}
      </h2>
      <p>
        {now?.enabled ? "It is on. " : ""}
        Each sender is answered once in so many days; lists, robots, bounces and unproven senders never.
      </p>
      <Alert problem={problem} />
      <form method="post" class="stack">
        <FormToken token={visitor.formToken} />
        <Field id="subject" label="Subject" hint="Empty: “Auto:” and the subject of the message.">
          <input
            id="subject"
            name="subject"
            value={now?.subject ?? ""}
            maxlength={200}
            {...fieldAria("subject", { hint: true })}
          />
        </Field>
        <Field id="text" label="Text">
          <textarea id="text" name="text" rows={6} maxlength={10_000} required>
            {now?.text ?? ""}
          </textarea>
        </Field>
        <div class="columns">
          <Field id="startsAt" label="First day">
            <input id="startsAt" name="startsAt" type="date" value={dayText(now?.startsAt)} />
          </Field>
          <Field id="endsAt" label="Last day">
            <input id="endsAt" name="endsAt" type="date" value={dayText(now?.endsAt)} />
          </Field>
          <Field id="everyDays" label="Once in days">
            <input id="everyDays" name="everyDays" type="number" min={1} max={90} value={String(now?.everyDays ?? 7)} />
          </Field>
        </div>
        <div class="row">
          <button type="submit" name="act" value="save">
            Save and switch on
          </button>
          {now?.enabled && (
            <button class="plain" type="submit" name="act" value="off">
              Switch off
            </button>
          )}
          {now && (
            <button class="plain" type="submit" name="act" value="remove">
              Remove
            </button>
          )}
        </div>
      </form>
    </section>
  </>
);
