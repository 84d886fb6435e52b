/** Forms about mailed links: asking for one, and what is done once it is opened. Opening alone does nothing: mail scanners open links too. */
import type { FC } from "hono/jsx";
import type { Problem } from "../directory/problem.ts";
import { Alert, EmailField, NewPasswordField, wrong } from "./gate-views.tsx";
import { Time } from "./parts.tsx";

type Shown = { problem: Problem | null };

export const SignUpForm: FC<Shown & { email: string }> = ({ email, problem }) => (
  <>
    <div class="stack tight">
      <h1>Create an account</h1>
      <p class="soft">Bring a domain you own; ten minutes later its mail arrives where you want it.</p>
    </div>
    {problem?.field == null && <Alert problem={problem} />}
    <form method="post" action="/sign-up" class="stack">
      <EmailField value={email} wrong={wrong(problem, "email")} />
      <button class="main" type="submit">
        Go on
      </button>
    </form>
    <p class="soft">
      Been here before? <a href="/sign-in">Sign in</a>
    </p>
  </>
);

export const ForgottenForm: FC<Shown & { email: string }> = ({ email, problem }) => (
  <>
    <div class="stack tight">
      <h1>Forgot the password?</h1>
      <p class="soft">A link to choose a new one is mailed to your account's address.</p>
    </div>
    {problem?.field == null && <Alert problem={problem} />}
    <form method="post" action="/forgotten" class="stack">
      <EmailField value={email} wrong={wrong(problem, "email")} />
      <button class="main" type="submit">
        Mail me a link
      </button>
    </form>
    <p class="soft">
      <a href="/sign-in">Back to signing in</a>
    </p>
  </>
);

export const Mailed: FC<{ email: string; says: string; again: string }> = ({ email, says, again }) => (
  <>
    <h1>Check your e-mail</h1>
    <p>
      {says} <span class="address">{email}</span>. Open it to go on.
    </p>
    <p class="soft">
      Nothing there after a minute? Look into the junk folder, then <a href={again}>ask once more</a>.
    </p>
    <a class="button" href="/sign-in">
      Back to signing in
    </a>
  </>
);

export const FinishForm: FC<Shown & { token: string; email: string }> = ({ token, email, problem }) => (
  <>
    <div class="stack tight">
      <h1>Choose a password</h1>
      <p class="soft">
        For your new account, <span class="address">{email}</span>.
      </p>
    </div>
    {problem?.field == null && <Alert problem={problem} />}
    <form method="post" action={`/sign-up/${token}`} class="stack">
      <NewPasswordField problem={problem} />
      <button class="main" type="submit">
        Create account
      </button>
    </form>
  </>
);

export const ResetForm: FC<Shown & { token: string; email: string }> = ({ token, email, problem }) => (
  <>
    <div class="stack tight">
      <h1>Choose a new password</h1>
      <p class="soft">
        For <span class="address">{email}</span>. You are signed out everywhere.
      </p>
    </div>
    {problem?.field == null && <Alert problem={problem} />}
    <form method="post" action={`/reset/${token}`} class="stack">
      <NewPasswordField problem={problem} />
      <label class="row">
        <input type="checkbox" name="keys" value="yes" />
        Somebody else was in: delete my passkeys and API keys too
      </label>
      <button class="main" type="submit">
        Save
      </button>
    </form>
  </>
);

export const ConfirmForm: FC<{ token: string; email: string; changes: boolean }> = ({ token, email, changes }) => (
  <>
    <h1>Is this your address?</h1>
    <p>
      <span class="address">{email}</span>
    </p>
    <form method="post" action={`/confirm/${token}`} class="stack">
      <button class="main" type="submit">
        {changes ? "Yes, use it for my account" : "Yes, it is mine"}
      </button>
    </form>
  </>
);

export const UndoForm: FC<{ token: string; email: string; changedAt: number }> = ({ token, email, changedAt }) => (
  <>
    <div class="stack tight">
      <h1>Was this not you?</h1>
      <p>
        The address of your account is no longer <span class="address">{email}</span>. Changed: <Time at={changedAt} />
      </p>
    </div>
    <p>Taking it back:</p>
    <ul class="plain-list">
      <li>makes this address your account's again,</li>
      <li>signs everybody out,</li>
      <li>removes passkeys, codes from an app, API keys and invitations made since, and all recovery codes,</li>
      <li>ends the password; a link to choose a new one is mailed to this address.</li>
    </ul>
    <form method="post" action={`/undo/${token}`} class="stack">
      <button class="main" type="submit">
        This was not me: take it back
      </button>
    </form>
    <p class="soft">If it was you, close this page: nothing has happened.</p>
  </>
);

export const Undone: FC<{ email: string }> = ({ email }) => (
  <>
    <h1>Your account is yours again</h1>
    <p>
      Its address is <span class="address">{email}</span>, and nobody is signed in. A link to choose a new password was
      mailed there.
    </p>
    <p>
      Then look what was done meanwhile: the log under Security, and the team, aliases and webhooks of each of your
      domains, with their logs.
    </p>
    <p class="soft">
      No letter after some minutes? <a href="/forgotten">Ask for another</a>
    </p>
  </>
);
