/** What stands at the gate: the forms of people who are not in yet. */
import type { FC } from "hono/jsx";
import type { Problem } from "../directory/problem.ts";
import { passwordLength } from "../sign-in/password.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import { Icon } from "./icons.tsx";
import { Field, FormToken, fieldAria, Notice } from "./parts.tsx";

type Shown = { problem: Problem | null };

export const Alert: FC<Shown> = ({ problem }) =>
  problem === null ? null : (
    <div role="alert">
      <Notice tone="fail">{problem.detail}</Notice>
    </div>
  );

type SignInProps = Shown & { email: string; next: string; note: string | null; open: boolean; dnsOnly: boolean };

export const SignInForm: FC<SignInProps> = ({ email, next, problem, note, open, dnsOnly }) => (
  <>
    <h1>Sign in</h1>
    {note && (
      <div role="status">
        <Notice tone="pass">{note}</Notice>
      </div>
    )}
    <Alert problem={problem} />
    <p class="notice fail" role="alert" data-passkey-trouble hidden />
    <form method="post" action="/sign-in" class="stack">
      <input type="hidden" name="next" value={next} />
      <EmailField value={email} />
      <Field id="password" label="Password">
        <input id="password" name="password" type="password" autocomplete="current-password" required maxlength={200} />
      </Field>
      <button class="main" type="submit">
        Sign in
      </button>
    </form>
    <button type="button" data-passkey-in={next} hidden>
      <Icon name="key" />
      Use a passkey
    </button>
    <p class="soft">
      <a href="/forgotten">Forgot the password?</a>
    </p>
    {open && (
      <p class="soft">
        New here? <a href="/sign-up">Create an account</a>
      </p>
    )}
    {dnsOnly && (
      <p class="soft">
        Or <a href="/dns-only">forward by DNS alone</a>, without one.
      </p>
    )}
  </>
);

export const CodeForm: FC<Shown & { challenge: string; next: string }> = ({ challenge, next, problem }) => (
  <>
    <div class="stack tight">
      <h1>Enter a code</h1>
      <p class="soft">From your authenticator app, or one of your recovery codes.</p>
    </div>
    <Alert problem={problem} />
    <form method="post" action="/sign-in/code" class="stack">
      <input type="hidden" name="challenge" value={challenge} />
      <input type="hidden" name="next" value={next} />
      <Field id="code" label="Code">
        <input
          id="code"
          name="code"
          class="mono"
          inputmode="text"
          autocomplete="one-time-code"
          required
          maxlength={20}
          autofocus
        />
      </Field>
      <button class="main" type="submit">
        Go on
      </button>
    </form>
    <p class="soft">
      <a href="/sign-in">Start again</a>
    </p>
  </>
);

export const SetUpForm: FC<Shown & { email: string; token: string }> = ({ email, token, problem }) => (
  <>
    <div class="stack tight">
      <h1>Set up this Postern</h1>
      <p class="soft">The first account runs the installation: it enrols nodes and adds the first domain.</p>
    </div>
    {problem?.field == null && <Alert problem={problem} />}
    <form method="post" action="/set-up" class="stack">
      <Field id="token" label="Set-up token" hint="The SETUP_TOKEN secret that you gave the Worker.">
        <input
          id="token"
          name="token"
          class="mono"
          value={token}
          autocomplete="off"
          required
          {...fieldAria("token", { hint: true })}
        />
      </Field>
      <EmailField value={email} wrong={wrong(problem, "email")} />
      <NewPasswordField problem={problem} />
      <button class="main" type="submit">
        Make the account
      </button>
    </form>
  </>
);

export const Closed: FC = () => (
  <>
    <h1>By invitation</h1>
    <p>New accounts here are by invitation. Ask somebody who runs a domain here to invite you.</p>
    <a class="button" href="/sign-in">
      Sign in
    </a>
  </>
);

type JoinProps = { token: string; email: string; domain: string; role: string };

export const JoinNew: FC<JoinProps & Shown> = ({ token, email, domain, role, problem }) => (
  <>
    <div class="stack tight">
      <h1>Join {domain}</h1>
      <p class="soft">
        You are asked to be {role} of {domain}, as <span class="address">{email}</span>.
      </p>
    </div>
    {problem?.field == null && <Alert problem={problem} />}
    <form method="post" action={`/join/${token}/new`} class="stack">
      <NewPasswordField problem={problem} />
      <button class="main" type="submit">
        Create account and join
      </button>
    </form>
    <p class="soft">
      You have an account already? <a href={`/sign-in?next=/join/${token}`}>Sign in first</a>
    </p>
  </>
);

export const JoinHere: FC<JoinProps & { visitor: Visitor }> = ({ token, email, domain, role, visitor }) => (
  <>
    <h1>Join {domain}</h1>
    {visitor.account.email === email ? (
      <form method="post" action={`/join/${token}`} class="stack">
        <FormToken token={visitor.formToken} />
        <p>
          You are asked to be <strong>{role}</strong> of {domain}.
        </p>
        <button class="main" type="submit">
          Join
        </button>
      </form>
    ) : (
      <Notice tone="warn">
        This invitation is for <span class="address">{email}</span>, and you are signed in as{" "}
        <span class="address">{visitor.account.email}</span>.
      </Notice>
    )}
  </>
);

export const EmailField: FC<{ value: string; wrong?: string | null }> = ({ value, wrong }) => (
  <Field id="email" label="E-mail address" wrong={wrong ?? null}>
    <input
      id="email"
      name="email"
      type="email"
      autocomplete="username webauthn"
      required
      maxlength={320}
      value={value}
      autofocus={value === ""}
      {...fieldAria("email", { wrong: Boolean(wrong) })}
    />
  </Field>
);

export const NewPasswordField: FC<Shown & { label?: string }> = ({ problem, label = "Password" }) => (
  <Field
    id="password"
    label={label}
    hint={`At least ${passwordLength.min} characters; a few random words do well.`}
    wrong={wrong(problem, "password")}
  >
    <input
      id="password"
      name="password"
      type="password"
      autocomplete="new-password"
      required
      minlength={passwordLength.min}
      maxlength={passwordLength.max}
      {...fieldAria("password", { hint: true, wrong: wrong(problem, "password") !== null })}
    />
  </Field>
);

export function wrong(problem: Problem | null, field: string): string | null {
  return problem?.field === field ? problem.detail : null;
}
