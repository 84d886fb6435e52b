/** A mailbox's devices and other keys: what each is, when it was last used, taking one away, adding one. */
import type { FC } from "hono/jsx";
import type { Mailbox, SlotView } from "../../directory/mailboxes.ts";
import type { Visitor } from "../../sign-in/visitor.ts";
import { Icon } from "../icons.tsx";
import { Badge, Confirm, Field, FormToken, fieldAria, Time } from "../parts.tsx";
import { Done, Trouble, Working } from "./steps.tsx";

const kinds: Record<SlotView["kind"], string> = {
  "app-password": "App password",
  "recovery-code": "Recovery code",
  passkey: "Passkey",
  passphrase: "Passphrase",
  "test-only": "Test only",
};

export const Devices: FC<{ visitor: Visitor; box: Mailbox; slots: SlotView[]; may: boolean }> = ({
  visitor,
  box,
  slots,
  may,
}) => (
  <table class="fold-table">
    <thead>
      <tr>
        <th scope="col">Name</th>
        <th scope="col">Kind</th>
        <th scope="col">Made</th>
        <th scope="col">Last used</th>
        <th scope="col">
          <span class="out-of-sight">Actions</span>
        </th>
      </tr>
    </thead>
    <tbody>
      {slots.map((slot) => (
        <tr class={slot.revokedAt === null ? undefined : "off"}>
          <td class="grow">
            {slot.label} <span class="soft mono small">{slot.selector}…</span>
          </td>
          <td class="soft">{kinds[slot.kind]}</td>
          <td class="soft nowrap">
            <Time at={slot.createdAt} />
          </td>
          <td class="soft nowrap">{slot.lastUsedAt === null ? "never" : <Time at={slot.lastUsedAt} />}</td>
          <td class="acts">
            {slot.revokedAt !== null ? (
              <Badge tone="quiet">revoked</Badge>
            ) : (
              may && <Revoke {...{ visitor, box, slot }} />
            )}
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

function askOf(slot: SlotView): string {
  if (slot.kind === "recovery-code")
    return "Revoke the recovery code? If every device is lost after that, nobody can open the mailbox again.";
  return `Revoke “${slot.label}”? It is logged out at once and can't come back.`;
}

const Revoke: FC<{ visitor: Visitor; box: Mailbox; slot: SlotView }> = ({ visitor, box, slot }) => (
  <Confirm label="Revoke" ask={askOf(slot)}>
    <form method="post" action={`/mailboxes/${box.id}/revoke`}>
      <FormToken token={visitor.formToken} />
      <button class="danger" name="slot" value={slot.id} type="submit">
        Revoke it
      </button>
    </form>
  </Confirm>
);

export const AddDevice: FC<{ box: Mailbox }> = ({ box }) => (
  <div class="stack">
    <Trouble />
    <section class="card" data-step="form" aria-labelledby="add-device">
      <h2 id="add-device" tabindex={-1}>
        Add a device
      </h2>
      <form class="stack" data-add-device={box.id}>
        <div class="columns">
          <Field id="label" label="Name of the device">
            <input id="label" name="label" placeholder="Phone" required maxlength={100} />
          </Field>
          <Field
            id="secret"
            label="Recovery code, or the app password of another device"
            hint="Used here in your browser to open the key; it is not sent."
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
        </div>
        <div>
          <button type="submit">
            <Icon name="plus" />
            Make an app password
          </button>
        </div>
      </form>
    </section>
    <Working />
    <Done />
  </div>
);
