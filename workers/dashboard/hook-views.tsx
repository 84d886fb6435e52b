/** How webhooks look. */
import type { FC } from "hono/jsx";
import { roleAtLeast } from "../api/row.ts";
import type { DomainView } from "../directory/domains.ts";
import type { Problem } from "../directory/problem.ts";
import type { Delivery, Endpoint } from "../directory/webhooks.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import type { Answer } from "../webhook.ts";
import { DomainHead } from "./domain-head.tsx";
import { Alert } from "./gate-views.tsx";
import { Icon } from "./icons.tsx";
import { Badge, Confirm, Copyable, Empty, Field, FormToken, fieldAria, Notice, Time } from "./parts.tsx";

type Common = { visitor: Visitor; domain: DomainView };

export const HooksView: FC<Common & { hooks: Endpoint[]; problem: Problem | null }> = (props) => {
  const { visitor, domain, hooks, problem } = props;
  return (
    <>
      <DomainHead domain={domain} at="webhooks" />
      {hooks.length === 0 ? (
        <Empty icon="hook" title="No webhook yet">
          <p>
            A webhook hands each message to a program of yours: parsed, with its verdicts, signed, and tried again for
            three days until your program says it has it. Add one here, then choose it as an alias's destination.
          </p>
        </Empty>
      ) : (
        <div class="card flush">
          <table class="fold-table">
            <tbody>
              {hooks.map((hook) => (
                <tr>
                  <td class="grow">
                    <a class="mono" href={`/domains/${domain.id}/webhooks/${hook.id}`}>
                      {hook.url}
                    </a>
                  </td>
                  <td>
                    <HookBadge hook={hook} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {roleAtLeast(domain.role, "admin") && (
        <section class="card" aria-labelledby="add">
          <h2 id="add">Add a webhook</h2>
          <form method="post" action={`/domains/${domain.id}/webhooks`} class="stack">
            <FormToken token={visitor.formToken} />
            <Field id="url" label="Address" wrong={problem?.detail ?? null}>
              <input
                id="url"
                name="url"
                type="url"
                class="mono"
                placeholder="https://example.com/mail"
                required
                maxlength={500}
                {...fieldAria("url", { wrong: problem !== null })}
              />
            </Field>
            <div>
              <button type="submit">
                <Icon name="plus" />
                Add webhook
              </button>
            </div>
          </form>
        </section>
      )}
    </>
  );
};

const HookBadge: FC<{ hook: Endpoint }> = ({ hook }) => {
  if (hook.state === "disabled") return <Badge tone="quiet">switched off</Badge>;
  if (hook.failingSince !== null) return <Badge tone="warn">failing</Badge>;
  return <Badge tone="pass">on</Badge>;
};

type HookProps = Common & {
  hook: Endpoint;
  keys: string[];
  deliveries: Delivery[];
  problem?: Problem;
  /** What it answered to a letter of ours just now. */
  test?: Answer;
};

export const HookView: FC<HookProps> = (props) => {
  const { domain, hook, keys, problem, test } = props;
  return (
    <>
      <DomainHead domain={domain} at="webhooks" />
      <Alert problem={problem ?? null} />
      {test && <TestAnswer {...test} />}
      <section class="card stack" aria-labelledby="hook">
        <div class="row">
          <h2 id="hook" class="mono wrap">
            {hook.url}
          </h2>
          <HookBadge hook={hook} />
        </div>
        {hook.failingSince !== null && (
          <Notice tone="warn">
            It has not taken anything since <Time at={hook.failingSince} />. Messages are kept and tried again.
          </Notice>
        )}
        {keys.length > 0 && <HookKeys keys={keys} />}
        {keys.length > 0 && <HookActs {...props} />}
      </section>
      <Deliveries {...props} />
    </>
  );
};

const HookKeys: FC<{ keys: string[] }> = ({ keys }) => (
  <div class="stack tight">
    <span class="label">
      {keys.length > 1 ? "Keys to check signatures with, newest first" : "Key to check signatures with"}
    </span>
    {keys.map((key) => (
      <Copyable text={key} label="key" />
    ))}
    <p class="soft small">Signatures follow Standard Webhooks; any of its libraries checks them.</p>
  </div>
);

const TestAnswer: FC<Answer> = ({ status, answer }) => {
  const ok = status >= 200 && status < 300;
  const words = answer.trim().slice(0, 200);
  const said = status === 0 ? words || "no answer" : `answered ${status}${words === "" ? "" : `, “${words}”`}`;
  return (
    <div role={ok ? "status" : "alert"}>
      <Notice tone={ok ? "pass" : "fail"}>
        {ok ? "It took our letter" : "It did not take our letter"}: {said}.
      </Notice>
    </div>
  );
};

const HookActs: FC<HookProps> = ({ visitor, domain, hook, keys }) => (
  <div class="row">
    <HookChange {...{ visitor, domain, hook, keys }} />
    <form method="post" action={`/domains/${domain.id}/webhooks/${hook.id}/test`}>
      <FormToken token={visitor.formToken} />
      <button type="submit">Send a test</button>
    </form>
    <Confirm label="Delete" ask="Delete this webhook, its log and what still waits for it?">
      <form method="post" action={`/domains/${domain.id}/webhooks/${hook.id}/remove`}>
        <FormToken token={visitor.formToken} />
        <button class="danger" type="submit">
          Delete it
        </button>
      </form>
    </Confirm>
  </div>
);

const HookChange: FC<Pick<HookProps, "visitor" | "domain" | "hook" | "keys">> = ({ visitor, domain, hook, keys }) => (
  <form method="post" action={`/domains/${domain.id}/webhooks/${hook.id}`} class="row">
    <FormToken token={visitor.formToken} />
    <button name="act" value={hook.state === "active" ? "off" : "on"} type="submit">
      {hook.state === "active" ? "Switch off" : "Switch on"}
    </button>
    <button name="act" value="rotate-v1" type="submit">
      New secret (HMAC)
    </button>
    <button name="act" value="rotate-v1a" type="submit">
      New key pair (Ed25519)
    </button>
    {keys.length > 1 && (
      <button name="act" value="retire" type="submit">
        Retire the old key
      </button>
    )}
  </form>
);

/** The last try of each message that was not taken: what was taken at last needs none any more. */
function stillOpen(deliveries: readonly Delivery[]): Set<Delivery> {
  const byMessage = Map.groupBy(deliveries, ({ message }) => message);
  return new Set([...byMessage.values()].flatMap(([last]) => (last === undefined || last.ok ? [] : [last])));
}

const Deliveries: FC<HookProps> = ({ visitor, domain, hook, deliveries }) => {
  const open = stillOpen(deliveries);
  return (
    <section class="card flush" aria-labelledby="tries">
      <div class="toolbar">
        <h2 id="tries">What was tried</h2>
      </div>
      {deliveries.length === 0 && <p class="pager">Nothing yet.</p>}
      <table class="fold-table">
        <tbody>
          {deliveries.map((one) => (
            <tr>
              <td>
                {one.ok ? (
                  <Badge tone="pass">{one.status}</Badge>
                ) : (
                  <Badge tone="fail">{one.status === 0 ? "no answer" : one.status}</Badge>
                )}
              </td>
              <td class="grow">
                <a href={`/activity/${one.journal}`}>Message</a>, try {one.attempt}, {one.latencyMs} ms
                {!one.ok && one.answer !== "" && <div class="soft small wrap">{one.answer.slice(0, 200)}</div>}
                {one.nextAt !== null && open.has(one) && (
                  <div class="soft small">
                    again <Time at={one.nextAt} />
                  </div>
                )}
              </td>
              <td class="soft nowrap">
                <Time at={one.at} />
              </td>
              <td class="acts">
                {open.has(one) && roleAtLeast(domain.role, "admin") && (
                  <form method="post" action={`/domains/${domain.id}/webhooks/${hook.id}/replay`}>
                    <FormToken token={visitor.formToken} />
                    <button class="plain small-button" name="message" value={one.message} type="submit">
                      Try now
                    </button>
                  </form>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
};
