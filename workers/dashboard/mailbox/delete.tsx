/** Deleting a mailbox: what goes with it, when the last copy is gone, and its address typed so that no slip can do it. */
import type { FC } from "hono/jsx";
import type { Pointing } from "../../directory/erase.ts";
import type { Mailbox } from "../../directory/mailboxes.ts";
import type { Problem } from "../../directory/problem.ts";
import type { Visitor } from "../../sign-in/visitor.ts";
import { Address, bytesText, Field, FormToken, fieldAria, Head, plural, Time } from "../parts.tsx";

type Props = {
  visitor: Visitor;
  box: Mailbox;
  pointing: Pointing[];
  goneAt: number;
  typed: string;
  problem: Problem | null;
};

export const DeleteView: FC<Props> = ({ visitor, box, pointing, goneAt, typed, problem }) => (
  <>
    <Head title="Delete mailbox" crumbs={<a href={`/mailboxes/${box.id}`}>{box.address}</a>} />
    <section class="card stack" aria-labelledby="what">
      <h2 id="what">What goes with it</h2>
      <ul class="plain-list">
        <li>
          All its mail ({bytesText(box.usedBytes)}
          {box.waiting > 0 && `, and ${plural(box.waiting, "message")} not opened yet`}). There is no way back, for us
          neither.
        </li>
        <li>
          Its keys are destroyed at once. Sealed copies in backups can't be opened any more, and are gone by{" "}
          <Time at={goneAt} />.
        </li>
        {pointing.map((alias) => (
          <li>
            <Address text={`${alias.pattern}@${alias.domainName}`} />{" "}
            {alias.only
              ? "leads nowhere else, so it is switched off: mail to it is refused."
              : "goes on to its others."}
          </li>
        ))}
      </ul>
      <form method="post" action={`/mailboxes/${box.id}/delete`} class="stack">
        <FormToken token={visitor.formToken} />
        <Field id="address" label={`Type ${box.address} to go on`} wrong={problem?.detail ?? null}>
          <input
            id="address"
            name="address"
            class="mono"
            value={typed}
            required
            maxlength={320}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            {...fieldAria("address", { wrong: problem !== null })}
          />
        </Field>
        <div class="row">
          <button class="danger" type="submit">
            Delete the mailbox and all its mail
          </button>
          <a class="button plain" href={`/mailboxes/${box.id}`}>
            Keep it
          </a>
        </div>
      </form>
    </section>
  </>
);
