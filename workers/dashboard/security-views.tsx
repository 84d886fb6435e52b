/** How your sign-in looks: each way in as a card, and the account's own log. */
import type { FC } from "hono/jsx";
import type { AuditRow } from "../directory/audit.ts";
import type { DomainView } from "../directory/domains.ts";
import type { Problem } from "../directory/problem.ts";
import type { ApiKey } from "../sign-in/api-key.ts";
import type { Passkey } from "../sign-in/passkey.ts";
import type { Session } from "../sign-in/session.ts";
import { Act, type Me } from "./act.tsx";
import { AuditTable } from "./audit-view.tsx";
import { PasskeyCard, TotpCard } from "./factor-views.tsx";
import { Alert, NewPasswordField } from "./gate-views.tsx";
import { Keys } from "./key-views.tsx";
import { Badge, Confirm, Field, fieldAria, Head } from "./parts.tsx";
import { Sessions } from "./session-views.tsx";

type Props = {
  me: Me;
  totp: boolean;
  codes: number;
  passkeys: Passkey[];
  sessions: Session[];
  keys: ApiKey[];
  log: AuditRow[];
  domains: DomainView[];
  problem: Problem | null;
};

export const SecurityView: FC<Props> = ({ me, totp, codes, passkeys, sessions, keys, log, domains, problem }) => (
  <>
    <Head title="Sign-in" says="How you come in, where you are in, and what programs may do in your name." />
    <Alert problem={problem} />
    <div class="columns">
      <NameCard me={me} />
      <PasswordCard me={me} />
    </div>
    <EmailCard me={me} />
    <div class="columns">
      <TotpCard me={me} totp={totp} codes={codes} />
      <PasskeyCard {...{ me, passkeys, totp, codes }} />
    </div>
    <Sessions me={me} sessions={sessions} />
    <Keys me={me} keys={keys} domains={domains} />
    <section class="card flush" aria-labelledby="log">
      <div class="toolbar">
        <h2 id="log">What happened with your account</h2>
      </div>
      <AuditTable rows={log} people={new Map([[me.account.id, "you"]])} />
    </section>
    <LeaveCard me={me} />
  </>
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

const EmailCard: FC<{ me: Me }> = ({ me }) => (
  <section class="card stack" aria-labelledby="email-title">
    <div class="row">
      <h2 id="email-title">Address</h2>
      {me.account.emailVerifiedAt === null ? (
        <Badge tone="quiet">not confirmed</Badge>
      ) : (
        <Badge tone="pass">confirmed</Badge>
      )}
    </div>
    <p>
      You sign in as <span class="address">{me.account.email}</span>, and a forgotten password is sorted out there.
    </p>
    <div class="row">
      {me.account.emailVerifiedAt === null && (
        <Act me={me} to="/security/email/link" class="row">
          <button type="submit">Mail me a link to confirm it</button>
        </Act>
      )}
      <details>
        <summary>Use another address</summary>
        <Act me={me} to="/security/email">
          <Field
            id="new-email"
            label="New address"
            hint="A link is mailed there; once you open it, this is your address."
          >
            <input
              id="new-email"
              name="email"
              type="email"
              autocomplete="email"
              required
              maxlength={320}
              {...fieldAria("new-email", { hint: true })}
            />
          </Field>
          <div>
            <button type="submit">Mail the link</button>
          </div>
        </Act>
      </details>
    </div>
  </section>
);

const LeaveCard: FC<{ me: Me }> = ({ me }) => (
  <section class="card stack" aria-labelledby="leave-title">
    <h2 id="leave-title">Leave</h2>
    <p class="soft">
      Deletes your account, its keys and this log. Domains that you alone own must go, or get another owner, first.
    </p>
    <Confirm label="Delete my account" ask="This can't be undone. Type your address to go on.">
      <Act me={me} to="/security/leave">
        <Field id="leave-email" label="Your address">
          <input id="leave-email" name="email" autocomplete="off" required maxlength={320} />
        </Field>
        <div>
          <button class="danger" type="submit">
            Delete it for ever
          </button>
        </div>
      </Act>
    </Confirm>
  </section>
);
