/** How import and export look: the files, what is wrong in them, and the difference before anything is done. */
import type { FC } from "hono/jsx";
import type { AliasDefinition } from "../../src/core/rules/import/definition.ts";
import { isEmpty } from "../../src/core/rules/import/diff.ts";
import { type ImportSource, importSources, sources } from "../../src/core/rules/import/import.ts";
import { roleAtLeast } from "../api/row.ts";
import type { DomainView } from "../directory/domains.ts";
import type { Problem } from "../directory/problem.ts";
import type { ImportPlan } from "../directory/transfer.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import { DomainHead } from "./domain-head.tsx";
import { Alert } from "./gate-views.tsx";
import { Field, FormToken, Notice, plural } from "./parts.tsx";

export type ImportForm = { source: ImportSource; mode: "add" | "replace"; text: string };
type Props = {
  visitor: Visitor;
  domain: DomainView;
  asked: ImportForm;
  plan: ImportPlan | null;
  problem: Problem | null;
};

/** Longer texts are chosen as a file again: a page stays small. */
const carried = 24_000;
const shownLines = 60;

export const TransferView: FC<Props> = (props) => {
  const { domain, plan, problem } = props;
  return (
    <>
      <DomainHead domain={domain} at="transfer" />
      <Alert problem={problem} />
      {plan && <PlanCard {...props} plan={plan} />}
      {roleAtLeast(domain.role, "admin") && <ImportCard {...props} />}
      <section class="card stack" aria-labelledby="export">
        <h2 id="export">Take them with you</h2>
        <p>
          All {plural(domain.aliases, "alias", "aliases")} with destinations, notes and labels. What you take out, the
          import takes in.
        </p>
        <div class="row">
          <a class="button" href={`/domains/${domain.id}/aliases.json`} download>
            JSON
          </a>
          <a class="button" href={`/domains/${domain.id}/aliases.csv`} download>
            CSV, for a spreadsheet
          </a>
        </div>
      </section>
    </>
  );
};

const ImportCard: FC<Props> = ({ visitor, domain, asked, plan }) => (
  <section class="card stack" aria-labelledby="import">
    <h2 id="import">Bring aliases in</h2>
    <p>From a spreadsheet or another service. First you see what would change; then all of it is done, or nothing.</p>
    <form method="post" action={`/domains/${domain.id}/transfer`} enctype="multipart/form-data" class="stack">
      <FormToken token={visitor.formToken} />
      <div class="columns">
        <Field id="source" label="They come from">
          <select id="source" name="source">
            {importSources.map((source) => (
              <option value={source} selected={source === asked.source}>
                {sources[source].title} ({Object.keys(sources[source].read).join(", ").toUpperCase()})
              </option>
            ))}
          </select>
        </Field>
        <Field id="mode" label="Aliases that are not in the file">
          <select id="mode" name="mode">
            <option value="add">stay</option>
            <option value="replace" selected={asked.mode === "replace"}>
              are removed
            </option>
          </select>
        </Field>
        <Field id="file" label="File">
          <input id="file" name="file" type="file" accept=".csv,.json,.txt,text/csv,application/json,text/plain" />
        </Field>
      </div>
      <Field id="text" label="Or paste its content">
        <textarea id="text" name="text" class="mono" rows={5}>
          {asked.text.length <= carried ? asked.text : ""}
        </textarea>
      </Field>
      <div class="row">
        <button class={plan === null ? "main" : undefined} type="submit">
          Show what would change
        </button>
        {plan?.ready && !isEmpty(plan.plan) && asked.text.length > carried && (
          <button name="apply" value="yes" type="submit">
            Apply (choose the file again)
          </button>
        )}
      </div>
    </form>
  </section>
);

const PlanCard: FC<Props & { plan: ImportPlan }> = ({ visitor, domain, asked, plan }) => {
  const { create, change, remove, unchanged } = plan.plan;
  const lines = [
    ...create.map((one) => ({ kind: "add", text: spelled(one) })),
    ...change.map(({ to, fields }) => ({ kind: "change", text: `${spelled(to)} (${fields.join(", ")})` })),
    ...remove.map((one) => ({ kind: "remove", text: spelled(one) })),
  ];
  return (
    <section class="card stack" aria-labelledby="plan" role="status">
      <h2 id="plan">
        {create.length} new, {change.length} changed, {remove.length} removed, {unchanged.length} stay
      </h2>
      {plan.problems.length > 0 && (
        <Notice tone={plan.ready ? "warn" : "fail"}>
          {plan.ready ? "Worth knowing:" : "Put these right first; nothing was changed."}
          <ul class="plain-list">
            {plan.problems.slice(0, 30).map((one) => (
              <li>
                {one.at !== null && `${plan.unit} ${one.at}: `}
                {one.text}
              </li>
            ))}
          </ul>
        </Notice>
      )}
      <ul class="diff">
        {lines.slice(0, shownLines).map((line) => (
          <li class={`diff-${line.kind}`}>
            <span aria-hidden="true">{line.kind === "remove" ? "−" : line.kind === "change" ? "~" : "+"}</span>
            <div>{line.text}</div>
          </li>
        ))}
      </ul>
      {lines.length > shownLines && <p class="soft">and {lines.length - shownLines} more</p>}
      {plan.ready && lines.length > 0 && asked.text.length <= carried && (
        <form method="post" action={`/domains/${domain.id}/transfer`}>
          <FormToken token={visitor.formToken} />
          <input type="hidden" name="source" value={asked.source} />
          <input type="hidden" name="mode" value={asked.mode} />
          <input type="hidden" name="text" value={asked.text} />
          <button class="main" name="apply" value="yes" type="submit">
            Apply all of it
          </button>
        </form>
      )}
    </section>
  );
};

function spelled(one: AliasDefinition): string {
  return `${one.pattern} → ${one.destinations.map((to) => to.target).join(", ") || "nowhere"}`;
}
