/** How a new mailbox is made: its address, then the steps. */
import type { FC } from "hono/jsx";
import { unicodeName } from "../../../src/core/rules/unicode-name.ts";
import type { DomainView } from "../../directory/domains.ts";
import type { Node } from "../../directory/nodes.ts";
import { Icon } from "../icons.tsx";
import { Empty, Field, fieldAria, Head } from "../parts.tsx";
import { Done, NeedsScript, Recovery, Trouble, Working } from "./steps.tsx";

type Props = { domains: DomainView[]; places: Node[]; chosen: string };

/** `unproven`: one of theirs that nobody has shown yet to be theirs. */
export const NewMailbox: FC<Props & { unproven: DomainView | null }> = ({ unproven, ...props }) => {
  const ready = props.domains.length > 0 && props.places.length > 0;
  return (
    <>
      <Head
        title="New mailbox"
        crumbs={<a href="/mailboxes">Mailboxes</a>}
        says="Its keys are made here, in your browser. The server is given a locked copy that it can't open."
      />
      {ready ? <Steps {...props} /> : <NotReady domains={props.domains} unproven={unproven} />}
    </>
  );
};

const NotReady: FC<{ domains: DomainView[]; unproven: DomainView | null }> = ({ domains, unproven }) => (
  <Empty icon="mailboxes" title={domains.length === 0 ? "A mailbox needs a domain" : "A mailbox needs a node"}>
    {domains.length > 0 ? (
      <p>No node takes mailboxes yet. The operator makes one with “postern new-node”.</p>
    ) : unproven !== null ? (
      <p>
        <a href={`/domains/${unproven.id}/setup`}>Show that {unicodeName(unproven.name)} is yours</a> first; then nobody
        else can have mailboxes on it.
      </p>
    ) : (
      <p>
        <a href="/domains#add">Add a domain</a> first; the mailbox's address is on it.
      </p>
    )}
  </Empty>
);

const Steps: FC<Props> = (props) => (
  <>
    <NeedsScript />
    <Trouble />
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
      <p>
        Then send a message to the new address from anywhere: <a href="/activity">watch it arrive</a>, and read it in
        the app.
      </p>
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
          pattern={'[^\\s@,;:<>\\(\\)\\[\\]\\\\"]+'}
          title="What stands before the @: letters, digits, dots, hyphens; no spaces."
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
