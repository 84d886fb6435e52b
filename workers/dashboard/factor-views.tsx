/** Second factors: codes from an app with their recovery codes, and passkeys. */
import type { FC } from "hono/jsx";
import { toBase64, utf8 } from "../../src/core/bytes.ts";
import { qrCode, qrSvg } from "../../src/core/client-setup/qr/qr.ts";
import type { Problem } from "../directory/problem.ts";
import type { Passkey } from "../sign-in/passkey.ts";
import { Act, type Me } from "./act.tsx";
import { Alert } from "./gate-views.tsx";
import { Icon } from "./icons.tsx";
import { Badge, Confirm, Copyable, Field, Head, plural, Time } from "./parts.tsx";

export const TotpCard: FC<{ me: Me; totp: boolean; codes: number }> = ({ me, totp, codes }) => (
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

export const PasskeyCard: FC<{ me: Me; passkeys: Passkey[]; totp: boolean; codes: number }> = ({
  me,
  passkeys,
  totp,
  codes,
}) => (
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
    {passkeys.length > 0 && !totp && (
      <div class="stack tight">
        <p class="soft small">
          {plural(codes, "recovery code")} left. One proves that it is you if you lose your passkey.
        </p>
        <Act me={me} to="/security/codes" class="row">
          <button type="submit">{codes > 0 ? "New recovery codes" : "Make recovery codes"}</button>
        </Act>
      </div>
    )}
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
