/** The steps that making keys goes through, shown one after the other by their island. */
import type { FC } from "hono/jsx";
import { Icon } from "../icons.tsx";
import { Field, fieldAria } from "../parts.tsx";

export const NeedsScript: FC = () => (
  <noscript>
    <div class="notice warn">
      <Icon name="warn" />
      <div>
        Making keys in the browser needs JavaScript. Without it, use the command line: <code>postern mailbox add</code>.
      </div>
    </div>
  </noscript>
);

export const Trouble: FC = () => <p class="notice fail" role="alert" data-part="trouble" hidden />;

export const Working: FC = () => (
  <section class="card stack" data-step="working" aria-live="polite" hidden>
    <h2 tabindex={-1}>One moment</h2>
    <progress max={1} value={0} data-part="progress" aria-label="Progress" />
    <p class="soft" data-part="progress-words" />
  </section>
);

/** Copies what stands beside it by then; the page as it is served does not know it. */
const CopyIt: FC<{ label: string }> = ({ label }) => (
  <button type="button" class="small-button" data-copy="" hidden>
    <Icon name="copy" />
    <span class="out-of-sight">Copy {label}</span>
  </button>
);

export const Recovery: FC = () => (
  <section class="card stack" data-step="recovery" aria-labelledby="recovery-title" hidden>
    <h2 id="recovery-title" tabindex={-1}>
      Keep this recovery code
    </h2>
    <p>
      If every device is lost, only this code opens the mailbox again. Nobody can send you another: we do not have it.
      Write it down or print it, and keep it where you keep your passport.
    </p>
    <div class="copyable secret">
      <code data-part="recovery" data-secret />
      <CopyIt label="recovery code" />
    </div>
    <p>
      <a download="postern-recovery-code.txt" data-part="download" href="/mailboxes/new">
        Save it as a text file
      </a>
    </p>
    <form class="stack" data-part="confirm">
      <Field
        id="typed"
        label="Type its last eight characters"
        hint="To be sure that you have it before the mailbox is made."
      >
        <input
          id="typed"
          name="typed"
          class="mono"
          required
          maxlength={20}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          {...fieldAria("typed", { hint: true })}
        />
      </Field>
      <div>
        <button class="main" type="submit">
          I have kept it
        </button>
      </div>
    </form>
  </section>
);

export const Done: FC<{ children?: unknown }> = ({ children }) => (
  <section class="card stack" data-step="done" aria-labelledby="done-title" hidden>
    <h2 id="done-title" tabindex={-1}>
      The app password
    </h2>
    <p>
      Give it to this one device as its password. It is shown now and never again; a device that loses it gets a new
      one.
    </p>
    <div class="copyable secret">
      <code data-part="password" data-secret />
      <CopyIt label="app password" />
    </div>
    {children as never}
    <p>
      <a class="button" data-part="open" href="/mailboxes">
        Done
      </a>
    </p>
  </section>
);
