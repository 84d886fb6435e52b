/** How your sign-in looks: each way in as a card, what is shown once, and the account's own log. */
import type { Child, FC } from "hono/jsx";
import { toBase64, utf8 } from "../../src/core/bytes.ts";
import { qrCode, qrSvg } from "../../src/core/client-setup/qr/qr.ts";
import type { AuditRow } from "../directory/audit.ts";
import type { Problem } from "../directory/problem.ts";
import { type ApiKey, scopes } from "../sign-in/api-key.ts";
import type { Passkey } from "../sign-in/passkey.ts";
import type { Session } from "../sign-in/session.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import { browserOf } from "./agent.ts";
import { AuditTable } from "./audit-view.tsx";
import { Alert, NewPasswordField } from "./gate-views.tsx";
import { Icon } from "./icons.tsx";
import { Badge, Confirm, Copyable, Field, FormToken, fieldAria, Head, plural, Time } from "./parts.tsx";

type Me = Visitor & { session: Session };
type Props = {
  me: Me;
  totp: boolean;
  codes: number;
  passkeys: Passkey[];
  sessions: Session[];
  keys: ApiKey[];
  log: AuditRow[];
  problem: Problem | null;
};

export const SecurityView: FC<Props> = ({ me, totp, codes, passkeys, sessions, keys, log, problem }) => (
  <>
    <Head title="Sign-in" says="How you come in, where you are in, and what programs may do in your name." />
    <Alert problem={problem} />
    <div class="columns">
      <NameCard me={me} />
      <PasswordCard me={me} />
    </div>
    <div class="columns">
      <TotpCard me={me} totp={totp} codes={codes} />
      <PasskeyCard me={me} passkeys={passkeys} />
    </div>
    <Sessions me={me} sessions={sessions} />
    <Keys me={me} keys={keys} />
    <section class="card flush" aria-labelledby="log">
      <div class="toolbar">
        <h2 id="log">What happened with your account</h2>
      </div>
      <AuditTable rows={log} people={new Map([[me.account.id, "you"]])} />
    </section>
  </>
);

/** A form of ours: method, path and token in one place. */
const Act: FC<{ me: Me; to: string; class?: string; children?: Child }> = (props) => (
  <form method="post" action={props.to} class={props.class ?? "stack"}>
    <FormToken token={props.me.formToken} />
    {props.children}
  </form>
);

const NameCard: FC<{ me: Me }> = ({ me }) => (
  <section class="card" aria-labelledby="name-title">
    <h2 id="name-title">You</h2>
    <Act me={me} to="/security/name">
      <p class="address">{me.account.email}</p>
      <Field id="name" label="Name" hint="Shown to the people you share a domain with.">
        <input
          id="name"
          name="name"
          value={me.account.name}
          maxlength={100}
          autocomplete="name"
          {...fieldAria("name", { hint: true })}
        />
      </Field>
      <div>
        <button type="submit">Save</button>
      </div>
    </Act>
  </section>
);

const PasswordCard: FC<{ me: Me }> = ({ me }) => (
  <section class="card" aria-labelledby="password-title">
    <h2 id="password-title">Password</h2>
    <Act me={me} to="/security/password">
      <input type="hidden" autocomplete="username" value={me.account.email} />
      <Field id="current" label="Current password">
        <input id="current" name="current" type="password" autocomplete="current-password" required maxlength={200} />
      </Field>
      <NewPasswordField problem={null} label="New password" />
      <div>
        <button type="submit">Change password</button>
      </div>
    </Act>
  </section>
);

const TotpCard: FC<{ me: Me; totp: boolean; codes: number }> = ({ me, totp, codes }) => (
  <section class="card stack" aria-labelledby="totp-title">
    <div class="row">
      <h2 id="totp-title">Codes from an app</h2>
      {totp ? <Badge tone="pass">on</Badge> : <Badge tone="quiet">off</Badge>}
    </div>
    {totp ? (
      <>
        <p>Signing in asks for the code of the moment. {plural(codes, "recovery code")} left.</p>
        <div class="row">
          <Act me={me} to="/security/codes" class="row">
            <button type="submit">New recovery codes</button>
          </Act>
          <Confirm label="Switch off" ask="Sign in with the password alone from now on?">
            <Act me={me} to="/security/totp/off" class="row">
              <button class="danger" type="submit">
                Switch codes off
              </button>
            </Act>
          </Confirm>
        </div>
      </>
    ) : (
      <>
        <p>A second lock: an authenticator app on your phone shows a new code every half minute.</p>
        <Act me={me} to="/security/totp/begin" class="row">
          <button type="submit">
            <Icon name="device" />
            Set up codes
          </button>
        </Act>
      </>
    )}
  </section>
);

const PasskeyCard: FC<{ me: Me; passkeys: Passkey[] }> = ({ me, passkeys }) => (
  <section class="card stack" aria-labelledby="passkey-title">
    <div class="row">
      <h2 id="passkey-title">Passkeys</h2>
      {passkeys.length > 0 && <Badge tone="pass">on</Badge>}
    </div>
    <p>Sign in with your fingerprint, face or a security key: nothing to type, nothing to steal.</p>
    <ul class="stack tight">
      {passkeys.map((passkey) => (
        <li class="row">
          <Icon name="key" />
          <span>
            {passkey.name}{" "}
            <span class="soft small">
              {passkey.lastUsedAt === null ? (
                "never used"
              ) : (
                <>
                  used <Time at={passkey.lastUsedAt} />
                </>
              )}
            </span>
          </span>
          <Confirm label="Remove" ask={`Remove the passkey “${passkey.name}”?`}>
            <Act me={me} to="/security/passkeys/remove" class="row">
              <button class="danger" name="passkey" value={passkey.id} type="submit">
                Remove it
              </button>
            </Act>
          </Confirm>
        </li>
      ))}
    </ul>
    <p class="notice fail" role="alert" data-passkey-trouble hidden />
    <form class="row" data-passkey-add hidden>
      <label class="out-of-sight" for="passkey-name">
        Name of the passkey
      </label>
      <input id="passkey-name" name="name" value="This device" required maxlength={100} class="narrow" />
      <button type="submit">
        <Icon name="plus" />
        Add a passkey
      </button>
    </form>
    <noscript>
      <p class="soft">Adding a passkey needs JavaScript.</p>
    </noscript>
  </section>
);

const Sessions: FC<{ me: Me; sessions: Session[] }> = ({ me, sessions }) => (
  <section class="card flush" aria-labelledby="sessions">
    <div class="toolbar">
      <h2 id="sessions">Where you are signed in</h2>
      {sessions.length > 1 && (
        <Act me={me} to="/security/sessions/revoke" class="row">
          <button class="small-button" name="session" value="others" type="submit">
            Sign out everywhere else
          </button>
        </Act>
      )}
    </div>
    <table class="fold-table">
      <tbody>
        {sessions.map((session) => (
          <tr>
            <td class="grow">
              {browserOf(session.agent)} {session.id === me.session.id && <Badge tone="pass">here</Badge>}
            </td>
            <td class="soft nowrap">
              seen <Time at={session.lastSeenAt} />
            </td>
            <td class="acts">
              {session.id !== me.session.id && (
                <Act me={me} to="/security/sessions/revoke" class="row">
                  <button class="plain small-button" name="session" value={session.id} type="submit">
                    Sign out
                  </button>
                </Act>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </section>
);

const Keys: FC<{ me: Me; keys: ApiKey[] }> = ({ me, keys }) => (
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
            {scopes.map((scope) => (
              <label class="row">
                <input type="checkbox" name="scopes" value={scope} />
                <code>{scope}</code>
              </label>
            ))}
          </div>
        </fieldset>
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

export const TotpForm: FC<{ me: Me; uri: string; problem: Problem | null }> = ({ me, uri, problem }) => {
  const code = qrCode(uri);
  const secret = new URL(uri).searchParams.get("secret") ?? "";
  return (
    <>
      <Head
        title="Set up codes"
        crumbs={<a href="/security">Sign-in</a>}
        says="Scan this with an authenticator app, then type the code it shows."
      />
      <Alert problem={problem} />
      <section class="card columns" aria-label="Set up codes">
        {code && (
          <img
            class="qr"
            alt="QR code for the authenticator app"
            width={220}
            height={220}
            src={`data:image/svg+xml;base64,${toBase64(utf8(qrSvg(code, "Authenticator set-up")))}`}
          />
        )}
        <Act me={me} to="/security/totp/confirm">
          <div class="stack tight">
            <span class="label">Can't scan? Type this into the app</span>
            <Copyable text={secret.replace(/(.{4})(?=.)/g, "$1 ")} label="secret" />
          </div>
          <Field id="code" label="Code">
            <input
              id="code"
              name="code"
              class="mono"
              inputmode="numeric"
              autocomplete="one-time-code"
              required
              maxlength={10}
            />
          </Field>
          <div>
            <button class="main" type="submit">
              Switch codes on
            </button>
          </div>
        </Act>
      </section>
    </>
  );
};

export const CodesOnce: FC<{ codes: string[]; first: boolean }> = ({ codes, first }) => (
  <>
    <Head
      title="Your recovery codes"
      crumbs={<a href="/security">Sign-in</a>}
      says={
        first
          ? "Codes are on. Keep these for the day your phone is lost: each works once. They are shown only now."
          : "The old ones no longer work. Each of these works once. They are shown only now."
      }
    />
    <section class="card stack" aria-label="Recovery codes">
      <ul class="codes">
        {codes.map((code) => (
          <li>
            <code data-code>{code}</code>
          </li>
        ))}
      </ul>
      <div>
        <a class="button main" href="/security">
          I have kept them
        </a>
      </div>
    </section>
  </>
);

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

export const ProveForm: FC<{ me: Me; next: string; totp: boolean; problem: Problem | null }> = ({
  me,
  next,
  totp,
  problem,
}) => (
  <>
    <Head
      title="It's you?"
      says="What comes next is dangerous in the wrong hands, so your password is asked for again."
    />
    <Alert problem={problem} />
    <section class="card" aria-label="Prove that it is you">
      <Act me={me} to="/security/prove">
        <input type="hidden" name="next" value={next} />
        <Field id="password" label="Password">
          <input
            id="password"
            name="password"
            type="password"
            autocomplete="current-password"
            required
            maxlength={200}
          />
        </Field>
        {totp && (
          <Field
            id="code"
            label="Code"
            hint="From your authenticator app; needed where a domain asks for a second factor."
          >
            <input
              id="code"
              name="code"
              class="mono"
              autocomplete="one-time-code"
              maxlength={20}
              {...fieldAria("code", { hint: true })}
            />
          </Field>
        )}
        <div>
          <button class="main" type="submit">
            Go on
          </button>
        </div>
      </Act>
    </section>
  </>
);
