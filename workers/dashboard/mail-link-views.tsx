/** Forms about mailed links: asking for one, and what is done once it is opened. Opening alone does nothing: mail scanners open links too. */
import type { FC } from "hono/jsx";
import type { Problem } from "../directory/problem.ts";
import { Alert, EmailField, NewPasswordField, wrong } from "./gate-views.tsx";

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

export const Mailed: FC<{ email: string; says: string }> = ({ email, says }) => (
  <>
    <h1>Look into your mail</h1>
    <p>
      {says} <span class="address">{email}</span>. It can take a minute; look into the junk folder too.
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
