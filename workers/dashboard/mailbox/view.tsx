/** The page of one mailbox: its use, its devices, the settings for a mail app, and the two acts that can't be undone. */
import type { FC } from "hono/jsx";
import type { Service } from "../../../src/core/client-setup/service.ts";
import type { Waits } from "../../by-hand.ts";
import type { DomainView } from "../../directory/domains.ts";
import type { Mailbox, SlotView } from "../../directory/mailboxes.ts";
import type { Visitor } from "../../sign-in/visitor.ts";
import { Badge, bytesText, Field, FormToken, fieldAria, Head, Notice, plural, Time } from "../parts.tsx";
import { Connect } from "./connect.tsx";
import { AddDevice, Devices } from "./devices.tsx";

type ViewProps = {
  visitor: Visitor;
  box: Mailbox;
  domain: DomainView;
  slots: SlotView[];
  services: readonly Service[];
  may: boolean;
  /** Sealed mail that the node has not taken yet. */
  atEdge: readonly Waits[];
  /** To another node; nobody can log in meanwhile. */
  moving: boolean;
};

export const MailboxView: FC<ViewProps> = ({ visitor, box, slots, services, may, atEdge, moving }) => (
  <>
    <Head title={box.address} crumbs={<a href="/mailboxes">Mailboxes</a>}>
      {moving && <Badge tone="warn">moving to another node</Badge>}
      {box.appliedRevision < box.revision && <Badge tone="warn">node not told yet</Badge>}
    </Head>
    <Usage box={box} />
    <AtEdge {...{ visitor, box, may, atEdge }} />
    <section class="card flush" aria-labelledby="devices">
      <div class="toolbar">
        <h2 id="devices">Devices and keys</h2>
      </div>
      <Devices visitor={visitor} box={box} slots={slots} may={may} />
    </section>
    {may && <AddDevice box={box} />}
    <section class="card" aria-labelledby="connect">
      <h2 id="connect">Settings for your mail app</h2>
      <Connect address={box.address} services={services} />
    </section>
    {may && <Room visitor={visitor} box={box} />}
    {may && <ForGood box={box} />}
    {visitor.account.operator && (
      <p>
        It lives on node <code>{box.node}</code>.{" "}
        <a href={`/moves?address=${encodeURIComponent(box.address)}`}>Move it to another node</a>
      </p>
    )}
  </>
);

const Room: FC<Pick<ViewProps, "visitor" | "box">> = ({ visitor, box }) => (
  <section class="card" aria-labelledby="room">
    <h2 id="room">Room</h2>
    <form method="post" action={`/mailboxes/${box.id}/quota`} class="stack">
      <FormToken token={visitor.formToken} />
      <Field
        id="gigabytes"
        label="Gigabytes"
        hint="With less than is in it, all of that stays and nothing new comes in."
      >
        <input
          id="gigabytes"
          name="gigabytes"
          type="number"
          min="0.01"
          max="1024"
          step="0.01"
          required
          value={String(Math.round((box.quotaBytes / 1024 ** 3) * 100) / 100)}
          {...fieldAria("gigabytes", { hint: true })}
        />
      </Field>
      <div>
        <button type="submit">Save</button>
      </div>
    </form>
  </section>
);

const ForGood: FC<{ box: Mailbox }> = ({ box }) => (
  <section class="card" aria-labelledby="for-good">
    <h2 id="for-good">When something went wrong</h2>
    <ul class="lines">
      <li>
        <div>
          <strong>A device was stolen, or somebody may know a password</strong>
          <p class="soft">New keys for the whole mailbox; every device and the recovery code so far stop working.</p>
        </div>
        <a class="button" href={`/mailboxes/${box.id}/rotate`}>
          Change all keys
        </a>
      </li>
      <li>
        <div>
          <strong>The mailbox is not needed any more</strong>
          <p class="soft">Its keys are destroyed, so nobody can ever read its mail again.</p>
        </div>
        <a class="button danger" href={`/mailboxes/${box.id}/delete`}>
          Delete mailbox
        </a>
      </li>
    </ul>
  </section>
);

const Usage: FC<{ box: Mailbox }> = ({ box }) => (
  <div class="figures">
    <div class="figure">
      <b>{bytesText(box.usedBytes)}</b>
      <span>of {bytesText(box.quotaBytes)} used</span>
      <meter min={0} max={box.quotaBytes} high={box.quotaBytes * 0.9} value={box.usedBytes} aria-label="Space used" />
    </div>
    <div class="figure">
      <b>{box.waiting}</b>
      <span>{box.waiting === 1 ? "sealed message waits" : "sealed messages wait"} for you to log in</span>
    </div>
    <div class="figure">
      <b>X-Wing</b>
      <span>
        key <code>{box.keyId.slice(0, 8)}</code>, safe against quantum computers
      </span>
    </div>
  </div>
);

const AtEdge: FC<Pick<ViewProps, "visitor" | "box" | "may" | "atEdge">> = ({ visitor, box, may, atEdge }) => {
  const [oldest] = atEdge;
  if (oldest === undefined) return null;
  const parked = atEdge.filter((one) => one.parked).length;
  return (
    <Notice tone="warn">
      <p>
        {plural(atEdge.length, "sealed message waits", "sealed messages wait")} at the edge for the node, since{" "}
        <Time at={oldest.since} />.{" "}
        {parked > 0
          ? `${plural(parked, "is", "are")} over five days old and tried only when you ask.`
          : "It is tried again by itself."}
      </p>
      {may && (
        <form method="post" action={`/mailboxes/${box.id}/retry`}>
          <FormToken token={visitor.formToken} />
          <button type="submit">Try again now</button>
        </form>
      )}
    </Notice>
  );
};
