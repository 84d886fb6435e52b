/** Where one is signed in, and the question that comes before something dangerous. */
import type { FC } from "hono/jsx";
import type { Problem } from "../directory/problem.ts";
import type { Session } from "../sign-in/session.ts";
import { Act, type Me } from "./act.tsx";
import { browserOf } from "./agent.ts";
import { Alert } from "./gate-views.tsx";
import { Icon } from "./icons.tsx";
import { Badge, Field, fieldAria, Head, Time } from "./parts.tsx";

export const Sessions: FC<{ me: Me; sessions: Session[] }> = ({ me, sessions }) => (
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

type ProveProps = { me: Me; next: string; code: "asked" | "taken" | "none"; problem: Problem | null };

export const ProveForm: FC<ProveProps> = ({ me, next, code, problem }) => (
  <>
    <Head
      title="It's you?"
      says="What comes next is dangerous in the wrong hands, so your password is asked for again."
    />
    <Alert problem={problem} />
    <p class="notice fail" role="alert" data-passkey-trouble hidden />
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
        {code !== "none" && (
          <Field
            id="code"
            label="Code"
            hint={
              code === "asked"
                ? "From your authenticator app, or one of your recovery codes."
                : "One of your recovery codes, if you have lost your passkey."
            }
          >
            <input
              id="code"
              name="code"
              class="mono"
              autocomplete="one-time-code"
              required={code === "asked"}
              maxlength={20}
              {...fieldAria("code", { hint: true })}
            />
          </Field>
        )}
        <div class="row">
          <button class="main" type="submit">
            Go on
          </button>
          <button type="button" data-passkey-prove={next} hidden>
            <Icon name="key" />
            Use a passkey instead
          </button>
        </div>
      </Act>
    </section>
  </>
);
