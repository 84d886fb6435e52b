/** API keys: the list, the form for a new one, and the key itself, shown once. */
import type { FC } from "hono/jsx";
import { unicodeName } from "../../src/core/rules/unicode-name.ts";
import type { DomainView } from "../directory/domains.ts";
import { type ApiKey, type Scope, scopes } from "../sign-in/api-key.ts";
import { Act, type Me } from "./act.tsx";
import { Icon } from "./icons.tsx";
import { Confirm, Copyable, Field, fieldAria, Head, Time } from "./parts.tsx";

type Props = { me: Me; keys: ApiKey[]; domains: DomainView[] };

export const Keys: FC<Props> = ({ me, keys, domains }) => (
  <section class="card stack" aria-labelledby="keys">
    <div class="head">
      <h2 id="keys">API keys</h2>
      <a href="/reference">API reference</a>
    </div>
    {keys.length > 0 && (
      <table class="fold-table">
        <tbody>
          {keys.map((key) => (
            <tr>
              <td class="grow">
                {key.name} <div class="soft small">{key.scopes.join(", ")}</div>
                {key.domains !== null && <div class="soft small">only {namesOf(key.domains, domains)}</div>}
              </td>
              <td class="soft nowrap">
                {key.lastUsedAt === null ? (
                  "never used"
                ) : (
                  <>
                    used <Time at={key.lastUsedAt} />
                  </>
                )}
              </td>
              <td class="soft nowrap">
                {key.expiresAt !== null && (
                  <>
                    until <Time at={key.expiresAt} />
                  </>
                )}
              </td>
              <td class="acts">
                <Confirm label="Delete" ask={`Delete the key “${key.name}”? Programs with it stop working at once.`}>
                  <Act me={me} to="/security/keys/remove" class="row">
                    <button class="danger" name="key" value={key.id} type="submit">
                      Delete it
                    </button>
                  </Act>
                </Confirm>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    )}
    <details>
      <summary>Make a key</summary>
      <Act me={me} to="/security/keys">
        <div class="columns">
          <Field id="key-name" label="Name">
            <input id="key-name" name="name" required maxlength={100} placeholder="Deploy script" />
          </Field>
          <Field id="days" label="Works for">
            <select id="days" name="days">
              <option value="30">30 days</option>
              <option value="90" selected>
                90 days
              </option>
              <option value="365">a year</option>
              <option value="3650">ten years</option>
            </select>
          </Field>
        </div>
        <fieldset>
          <legend class="label">May</legend>
          <div class="ticks">
            {scopesFor(me).map((scope) => (
              <label class="row">
                <input type="checkbox" name="scopes" value={scope} />
                <code>{scope}</code>
              </label>
            ))}
          </div>
        </fieldset>
        {domains.length > 1 && <Reach />}
        <div>
          <button type="submit">
            <Icon name="key" />
            Make the key
          </button>
        </div>
      </Act>
    </details>
  </section>
);

/** Names are typed: nobody ticks three boxes among five hundred. */
const Reach: FC = () => (
  <div class="columns">
    <Field id="reach" label="For">
      <select id="reach" name="reach">
        <option value="all">all my domains</option>
        <option value="some">only these domains</option>
      </select>
    </Field>
    <Field id="names" label="These domains" hint="With spaces between. The key then finds no other.">
      <input
        id="names"
        name="names"
        class="mono"
        maxlength={10_000}
        placeholder="shop.example blog.example"
        {...fieldAria("names", { hint: true })}
      />
    </Field>
  </div>
);

/** Nodes are the operator's. */
function scopesFor({ account }: Me): Scope[] {
  return scopes.filter((scope) => account.operator || !scope.startsWith("nodes:"));
}

function namesOf(ids: readonly string[], domains: readonly DomainView[]): string {
  const names = new Map(domains.map(({ id, name }) => [id, unicodeName(name)]));
  return ids.map((id) => names.get(id) ?? "one that is gone").join(", ");
}

export const KeyOnce: FC<{ name: string; text: string }> = ({ name, text }) => (
  <>
    <Head
      title={name}
      crumbs={<a href="/security">Sign-in</a>}
      says="This is the key. It is shown only now: only its hash is kept here."
    />
    <section class="card stack" aria-label="API key">
      <div class="secret">
        <Copyable text={text} label="key" />
      </div>
      <pre class="raw" tabindex={0}>{`curl -H "Authorization: Bearer $POSTERN_KEY" https://…/api/domains`}</pre>
      <div>
        <a class="button main" href="/security">
          Done
        </a>
      </div>
    </section>
  </>
);
