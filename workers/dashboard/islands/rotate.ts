/** Changing all keys of a mailbox: the old key is opened here, the new one is made around it, and only then is the server told. */
import { ask, Refused, wordsFor } from "./ask.ts";
import { complain, confirmRecovery, field, part, progress, readSlots, show } from "./key-steps.ts";
import { askKeys } from "./keys-talk.ts";

const form = document.querySelector<HTMLFormElement>("form[data-rotate]");
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  void rotate(form, form.dataset["rotate"] ?? "");
});

async function rotate(from: HTMLFormElement, mailbox: string): Promise<void> {
  complain("");
  try {
    const keyslots = readSlots(await ask("GET", `/mailboxes/${mailbox}/keyslots`));
    show("working");
    const asked = {
      kind: "rotate" as const,
      mailbox,
      keyslots,
      label: field(from, "label"),
      secret: field(from, "secret"),
    };
    const made = await askKeys(asked, progress);
    if (made.kind !== "rotated") throw new Wrong(made.kind === "failed" ? made.why : "");
    await confirmRecovery(made.recoveryCode);
    show("working");
    progress(0.9, "Changing the keys…");
    const revision = Number(from.dataset["revision"]);
    await ask("POST", `/mailboxes/${mailbox}/rotate`, { revision, ...made.rotation });
    from.reset();
    part("password", HTMLElement).textContent = made.appPassword;
    part("open", HTMLAnchorElement).href = `/mailboxes/${mailbox}`;
    show("done");
  } catch (error) {
    if (error instanceof Refused && error.code === "prove-again")
      return location.assign(`/security/prove?next=${encodeURIComponent(location.pathname)}`);
    show("form");
    complain(error instanceof Wrong ? error.message : wordsFor(error));
  }
}

class Wrong extends Error {}
