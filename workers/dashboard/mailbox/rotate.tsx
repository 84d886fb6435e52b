/** Changing all keys of a mailbox after a theft: what it means, what opens the old key, then the same steps as for a new one. */
import type { FC } from "hono/jsx";
import type { Mailbox } from "../../directory/mailboxes.ts";
import { Icon } from "../icons.tsx";
import { Field, fieldAria, Head } from "../parts.tsx";
import { Done, NeedsScript, Recovery, Trouble, Working } from "./steps.tsx";

export const RotateView: FC<{ box: Mailbox }> = ({ box }) => (
  <>
    <Head
      title="Change all keys"
      crumbs={<a href={`/mailboxes/${box.id}`}>{box.address}</a>}
      says="For when a device was stolen or somebody may know a password. New keys are made here, in your browser."
    />
    <NeedsScript />
    <Trouble />
    <section class="card stack" data-step="form" aria-labelledby="rotate-form">
      <h2 id="rotate-form" tabindex={-1}>
        Before you begin
      </h2>
      <ul class="plain-list">
        <li>Every device is logged out; each needs a new app password.</li>
        <li>The recovery code that you have kept stops working. You get a new one.</li>
        <li>No mail is lost: it moves under the new key when the first device logs in again.</li>
      </ul>
      <form class="stack" data-rotate={box.id} data-revision={box.revision}>
        <div class="columns">
          <Field
            id="secret"
            label="Recovery code, or the app password of any device"
            hint="Used here in your browser to open the old key; it is not sent."
          >
            <input
              id="secret"
              name="secret"
              type="password"
              class="mono"
              required
              maxlength={200}
              autocomplete="off"
              {...fieldAria("secret", { hint: true })}
            />
          </Field>
          <Field id="label" label="First device afterwards" hint="It gets the first new app password.">
            <input id="label" name="label" required maxlength={100} {...fieldAria("label", { hint: true })} />
          </Field>
        </div>
        <div>
          <button class="main" type="submit">
            <Icon name="key" />
            Make new keys
          </button>
        </div>
      </form>
    </section>
    <Working />
    <Recovery />
    <Done />
  </>
);
