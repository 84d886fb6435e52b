/** What a Cloudflare token would change in a zone, shown before it is done. */
import type { FC } from "hono/jsx";
import type { DomainView } from "../directory/domains.ts";
import type { Change, Plan } from "../dns/apply.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import { DomainHead } from "./domain-head.tsx";
import { FormToken, Notice } from "./parts.tsx";

type PlanProps = { visitor: Visitor; domain: DomainView; plan: Plan; token: string };

export const PlanView: FC<PlanProps> = ({ visitor, domain, plan, token }) => (
  <>
    <DomainHead domain={domain} at="setup" />
    <section class="card stack" aria-labelledby="plan">
      <h2 id="plan">What would change in the zone {plan.zone.name}</h2>
      {plan.lacks.length > 0 && (
        <div role="alert">
          <Notice tone="fail">
            The token lacks{" "}
            {plan.lacks.map((one, i) => (
              <>
                {i > 0 && " and "}
                <strong>{one}</strong>
              </>
            ))}
            . Edit it at Cloudflare, then try again; the token itself stays the same.
          </Notice>
        </div>
      )}
      {plan.lacks.length === 0 && plan.changes.length === 0 && (
        <Notice tone="pass">Nothing: all records are as they should be.</Notice>
      )}
      <ul class="diff">
        {plan.changes.map((change) => (
          <ChangeItem change={change} />
        ))}
      </ul>
      <form method="post" action={`/domains/${domain.id}/cloudflare`} class="row">
        <FormToken token={visitor.formToken} />
        <input type="hidden" name="cf" value={token} />
        {plan.lacks.length === 0 && plan.changes.length > 0 && (
          <button class="main" name="apply" value="yes" type="submit">
            Apply these changes
          </button>
        )}
        {plan.lacks.length > 0 && <button type="submit">Try again</button>}
        <a class="button plain" href={`/domains/${domain.id}/setup`}>
          Back
        </a>
      </form>
    </section>
  </>
);

const ChangeItem: FC<{ change: Change }> = ({ change }) => {
  const sign = change.kind === "remove" ? "−" : change.kind === "change" ? "~" : "+";
  return (
    <li class={`diff-${change.kind}`}>
      <span aria-hidden="true">{sign}</span>
      <div>
        {change.says}
        {change.kind === "change" && <div class="soft small">instead of: {change.before}</div>}
      </div>
    </li>
  );
};
