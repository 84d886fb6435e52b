/** The forms that add and edit an alias, and what its page says of destinations that are paused. */
import type { FC } from "hono/jsx";
import type { Destination } from "../directory/destinations.ts";
import type { DomainView } from "../directory/domains.ts";
import type { MailboxLine } from "../directory/mailbox-list.ts";
import type { Problem } from "../directory/problem.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import type { AliasForm } from "./alias-form.ts";
import { DomainHead } from "./domain-head.tsx";
import { Icon } from "./icons.tsx";
import { Address, Confirm, Field, FormToken, fieldAria, Notice } from "./parts.tsx";

export type EditorProps = {
  visitor: Visitor;
  domain: DomainView;
  form: AliasForm;
  problem: Problem | null;
  /** A few, to choose from. */
  mailboxes: MailboxLine[];
};
export const AddForm: FC<EditorProps> = ({ visitor, domain, form, problem, mailboxes }) => (
  <section class="card" aria-label="Add an alias">
    <form method="post" action={`/domains/${domain.id}/aliases`} class="stack">
      <FormToken token={visitor.formToken} />
      <Fields {...{ domain, form, problem, mailboxes }} />
      <div>
        <button class="main" type="submit">
          <Icon name="plus" />
          Add alias
        </button>
      </div>
    </form>
  </section>
);

type FieldsProps = Omit<EditorProps, "visitor">;

const Fields: FC<FieldsProps> = ({ domain, form, problem, mailboxes }) => {
  const wrongPattern = problem !== null && problem.field !== "destinations" ? problem.detail : null;
  const wrongTo = problem?.field === "destinations" ? problem.detail : null;
  return (
    <div class="columns">
      <Field id="pattern" label="Alias" wrong={wrongPattern}>
        <div class="suffix">
          <input
            id="pattern"
            name="pattern"
            class="mono"
            value={form.kind === "catch-all" ? "*" : form.pattern}
            placeholder="hello"
            maxlength={200}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            {...fieldAria("pattern", { wrong: wrongPattern !== null })}
          />
          <span>@{domain.name}</span>
        </div>
      </Field>
      <Field id="to" label="Goes to" wrong={wrongTo}>
        <input
          id="to"
          name="to"
          class="mono"
          list="mailboxes"
          value={form.to}
          placeholder="you@example.com"
          required
          maxlength={5000}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          {...fieldAria("to", { wrong: wrongTo !== null })}
        />
        <datalist id="mailboxes">
          {mailboxes.map((box) => (
            <option value={box.address}>mailbox kept here</option>
          ))}
        </datalist>
      </Field>
      <Field id="kind" label="Takes">
        <select id="kind" name="kind">
          <Option value="exact" now={form.kind} says="this address only" />
          <Option value="wildcard" now={form.kind} says="a pattern with * (sales-*)" />
          <Option value="regex" now={form.kind} says="a regular expression" />
          <Option value="catch-all" now={form.kind} says="everything else (catch-all)" />
        </select>
      </Field>
    </div>
  );
};

const Option: FC<{ value: string; now: string; says: string }> = ({ value, now, says }) => (
  <option value={value} selected={value === now}>
    {says}
  </option>
);

export const EditForm: FC<EditorProps & { id: string; paused: Destination[] }> = (props) => {
  const { visitor, domain, id, form, problem, mailboxes, paused } = props;
  return (
    <>
      <DomainHead domain={domain} at="aliases" />
      {paused.map((one) => (
        <Paused {...{ one, visitor, action: `/domains/${domain.id}/aliases/${id}/resume` }} />
      ))}
      <section class="card" aria-labelledby="edit">
        <div class="row between">
          <h2 id="edit">Edit alias</h2>
          <span>
            <a href={`/domains/${domain.id}/aliases/${id}/answer`}>Automatic answer</a> ·{" "}
            <a href={`/domains/${domain.id}/aliases/${id}/senders`}>Senders</a>
          </span>
        </div>
        <form method="post" action={`/domains/${domain.id}/aliases/${id}`} class="stack" data-alias-form>
          <FormToken token={visitor.formToken} />
          <Fields {...{ domain, form, problem, mailboxes }} />
          <div class="columns">
            <Field id="state" label="State">
              <select id="state" name="state">
                <Option value="active" now={form.state} says="On" />
                <Option value="disabled" now={form.state} says="Off" />
              </select>
            </Field>
            <Field id="disabledReply" label="While off, senders are told">
              <select id="disabledReply" name="disabledReply">
                <Option value="550" now={form.disabledReply} says="No such address (550)" />
                <Option value="421" now={form.disabledReply} says="Try again later (421)" />
                <Option value="250" now={form.disabledReply} says="Nothing: take the mail and drop it (250)" />
              </select>
            </Field>
            <Field id="labels" label="Labels" hint="Words, separated by commas.">
              <input
                id="labels"
                name="labels"
                value={form.labels}
                maxlength={800}
                {...fieldAria("labels", { hint: true })}
              />
            </Field>
          </div>
          <Field id="note" label="Note">
            <textarea id="note" name="note" rows={2} maxlength={1000}>
              {form.note}
            </textarea>
          </Field>
          <div class="row">
            <button class="main" type="submit">
              Save
            </button>
            <a class="button plain" href={`/domains/${domain.id}`} data-cancel>
              Cancel
            </a>
            <Confirm label="Delete" ask="Delete this alias? Mail to it is refused from then on.">
              <button
                class="danger"
                name="one"
                value={`delete:${id}`}
                type="submit"
                formaction={`/domains/${domain.id}/bulk`}
                formnovalidate
              >
                Delete it
              </button>
            </Confirm>
          </div>
        </form>
      </section>
    </>
  );
};

const Paused: FC<{ one: Destination; visitor: Visitor; action: string }> = ({ one, visitor, action }) => (
  <Notice tone="warn">
    <p>
      <Address text={one.target} /> refused mail, so it is paused and gets nothing more for now.
      {one.trouble !== "" && (
        <>
          {" "}
          The last answer was: <q>{one.trouble}</q>
        </>
      )}
    </p>
    <form method="post" action={action}>
      <FormToken token={visitor.formToken} />
      <button type="submit" name="destination" value={one.id}>
        Resume<span class="out-of-sight"> {one.target}</span>
      </button>
    </form>
  </Notice>
);
