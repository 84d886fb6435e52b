/** How a mailbox looks: the steps of making one, its devices, its use, and the settings for a mail app. */
import type { FC } from "hono/jsx";
import type { Service } from "../../src/core/client-setup/service.ts";
import type { Waits } from "../by-hand.ts";
import type { DomainView } from "../directory/domains.ts";
import type { Mailbox, SlotView } from "../directory/mailboxes.ts";
import type { Node } from "../directory/nodes.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import { Icon } from "./icons.tsx";
import { Badge, bytesText, Confirm, Empty, Field, FormToken, fieldAria, Head, Notice, plural, Time } from "./parts.tsx";

export const NewMailbox: FC<{ domains: DomainView[]; places: Node[]; chosen: string }> = (props) => {
  const ready = props.domains.length > 0 && props.places.length > 0;
  return (
    <>
      <Head
        title="New mailbox"
        crumbs={<a href="/mailboxes">Mailboxes</a>}
        says="Its keys are made here, in your browser. The server is given a locked copy that it can't open."
      />
      {ready ? <Steps {...props} /> : <NotReady domains={props.domains} />}
    </>
  );
};

const NotReady: FC<{ domains: DomainView[] }> = ({ domains }) => (
  <Empty icon="mailboxes" title={domains.length === 0 ? "A mailbox needs a domain" : "A mailbox needs a node"}>
    {domains.length === 0 ? (
      <p>
        <a href="/domains#add">Add a domain</a> first; the mailbox's address is on it.
      </p>
    ) : (
      <p>No node takes mailboxes yet. The operator enrols one with “postern node enrol”.</p>
    )}
  </Empty>
);

const Steps: FC<{ domains: DomainView[]; places: Node[]; chosen: string }> = (props) => (
  <>
    <noscript>
      <div class="notice warn">
        <Icon name="warn" />
        <div>
          Making keys in the browser needs JavaScript. Without it, use the command line:{" "}
          <code>postern mailbox add</code>.
        </div>
      </div>
    </noscript>
    <p class="notice fail" role="alert" data-part="trouble" hidden />
    <section class="card" data-step="form" aria-labelledby="new-form">
      <h2 id="new-form" tabindex={-1}>
        Address
      </h2>
      <CreateForm {...props} />
    </section>
    <Working />
    <Recovery />
    <Done>
      <h3>Settings for your mail app</h3>
      <div data-part="connect" />
    </Done>
  </>
);

const CreateForm: FC<{ domains: DomainView[]; places: Node[]; chosen: string }> = ({ domains, places, chosen }) => (
  <form class="stack" data-new-mailbox>
    <div class="columns">
      <Field id="local" label="Name">
        <input
          id="local"
          name="local"
          class="mono"
          placeholder="you"
          required
          maxlength={64}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
        />
      </Field>
      <Field id="domain" label="Domain">
        <select id="domain" name="domain">
          {domains.map((domain) => (
            <option value={domain.name} selected={domain.id === chosen}>
              @{domain.name}
            </option>
          ))}
        </select>
      </Field>
      <Field id="node" label="Kept on">
        <select id="node" name="node">
          {places.map((node) => (
            <option value={node.id}>
              {node.name} ({node.mxHost})
            </option>
          ))}
        </select>
      </Field>
    </div>
    <Field
      id="label"
      label="First device"
      hint="A name to recognise it by. Each device gets an app password of its own."
    >
      <input
        id="label"
        name="label"
        value="My first device"
        required
        maxlength={100}
        {...fieldAria("label", { hint: true })}
      />
    </Field>
    <div>
      <button class="main" type="submit">
        <Icon name="key" />
        Make the keys
      </button>
    </div>
  </form>
);

const Working: FC = () => (
  <section class="card stack" data-step="working" aria-live="polite" hidden>
    <h2 tabindex={-1}>One moment</h2>
    <progress max={1} value={0} data-part="progress" aria-label="Progress" />
    <p class="soft" data-part="progress-words" />
  </section>
);

const Recovery: FC = () => (
  <section class="card stack" data-step="recovery" aria-labelledby="recovery-title" hidden>
    <h2 id="recovery-title" tabindex={-1}>
      Keep this recovery code
    </h2>
    <p>
      If every device is lost, only this code opens the mailbox again. Nobody can send you another: we do not have it.
      Write it down or print it, and keep it where you keep your passport.
    </p>
    <div class="copyable secret">
      <code data-part="recovery" data-secret />
    </div>
    <p>
      <a download="postern-recovery-code.txt" data-part="download" href="/mailboxes/new">
        Save it as a text file
      </a>
    </p>
    <form class="stack" data-part="confirm">
      <Field
        id="typed"
        label="Type its last eight characters"
        hint="To be sure that you have it before the mailbox is made."
      >
        <input
          id="typed"
          name="typed"
          class="mono"
          required
          maxlength={20}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          {...fieldAria("typed", { hint: true })}
        />
      </Field>
      <div>
        <button class="main" type="submit">
          I have kept it
        </button>
      </div>
    </form>
  </section>
);

const Done: FC<{ children?: unknown }> = ({ children }) => (
  <section class="card stack" data-step="done" aria-labelledby="done-title" hidden>
    <h2 id="done-title" tabindex={-1}>
      The app password
    </h2>
    <p>
      Give it to this one device as its password. It is shown now and never again; a device that loses it gets a new
      one.
    </p>
    <div class="copyable secret">
      <code data-part="password" data-secret />
    </div>
    {children as never}
    <p>
      <a class="button" data-part="open" href="/mailboxes">
        Done
      </a>
    </p>
  </section>
);

type ViewProps = {
  visitor: Visitor;
  box: Mailbox;
  domain: DomainView;
  slots: SlotView[];
  services: readonly Service[];
  may: boolean;
  /** Sealed mail that the node has not taken yet. */
  atEdge: readonly Waits[];
};

export const MailboxView: FC<ViewProps> = ({ visitor, box, slots, services, may, atEdge }) => (
  <>
    <Head title={box.address} crumbs={<a href="/mailboxes">Mailboxes</a>}>
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
  </>
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

const kinds: Record<SlotView["kind"], string> = {
  "app-password": "App password",
  "recovery-code": "Recovery code",
  passkey: "Passkey",
  passphrase: "Passphrase",
  "test-only": "Test only",
};

const Devices: FC<{ visitor: Visitor; box: Mailbox; slots: SlotView[]; may: boolean }> = ({
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

const Revoke: FC<{ visitor: Visitor; box: Mailbox; slot: SlotView }> = ({ visitor, box, slot }) => (
  <Confirm label="Revoke" ask={`Revoke “${slot.label}”? It is logged out at once and can't come back.`}>
    <form method="post" action={`/mailboxes/${box.id}/revoke`}>
      <FormToken token={visitor.formToken} />
      <button class="danger" name="slot" value={slot.id} type="submit">
        Revoke it
      </button>
    </form>
  </Confirm>
);

const AddDevice: FC<{ box: Mailbox }> = ({ box }) => (
  <div class="stack">
    <p class="notice fail" role="alert" data-part="trouble" hidden />
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

const protocols: Record<Service["protocol"], string> = { imap: "IMAP", pop3: "POP3", smtp: "SMTP (sending)" };

export const Connect: FC<{ address: string; services: readonly Service[] }> = ({ address, services }) => (
  <div class="stack">
    {services.length === 0 && (
      <Notice tone="warn">The node has not said yet where mail apps reach it. Look again in a minute.</Notice>
    )}
    <p>
      Most apps find all this by themselves from the address. The user name is <span class="address">{address}</span>,
      the password is the app password.
    </p>
    <table class="fold-table">
      <thead>
        <tr>
          <th scope="col">For</th>
          <th scope="col">Server</th>
          <th scope="col">Port</th>
          <th scope="col">Security</th>
        </tr>
      </thead>
      <tbody>
        {services.map((one) => (
          <tr>
            <td>{protocols[one.protocol]}</td>
            <td class="mono grow">{one.host}</td>
            <td class="mono">{one.port}</td>
            <td class="soft">{one.tls === "implicit" ? "SSL/TLS" : "STARTTLS"}</td>
          </tr>
        ))}
      </tbody>
    </table>
    <details>
      <summary>iPhone, iPad or Mac</summary>
      <div class="columns">
        <img
          src={`/apple/qr.svg?email=${encodeURIComponent(address)}`}
          alt="QR code of the profile's address"
          width={180}
          height={180}
          loading="lazy"
        />
        <p>
          Point the camera at the code, or{" "}
          <a href={`/apple/mobileconfig?email=${encodeURIComponent(address)}`}>open the profile</a> on the device. It
          sets the account up and asks only for the app password.
        </p>
      </div>
    </details>
    <details>
      <summary>Thunderbird, K-9, Evolution</summary>
      <p>
        Choose “add mail account”, type name, address and app password; the rest is found.{" "}
        {plural(services.length, "way", "ways")} in, all encrypted.
      </p>
    </details>
  </div>
);
