/**
 * Making a mailbox, and adding a device to one. Steps are shown one after the other; the mailbox is made on the server only
 * after its recovery code was confirmed, because without one a lost app password loses the mail.
 */
import { ask, wordsFor } from "./ask.ts";
import { enableCopy } from "./copy.ts";
import { fragment } from "./fragment.ts";
import { complain, confirmRecovery, field, part, progress, readSlots, show } from "./key-steps.ts";
import { askKeys, type Box } from "./keys-talk.ts";

const quotaBytes = 10 * 1024 ** 3;

const create = document.querySelector<HTMLFormElement>("form[data-new-mailbox]");
create?.addEventListener("submit", (event) => {
  event.preventDefault();
  void makeMailbox(create);
});

async function makeMailbox(form: HTMLFormElement): Promise<void> {
  complain("");
  // Before anybody writes down a recovery code for nothing.
  if (await isTaken(addressIn(form))) return complain(`There is a mailbox ${addressIn(form)} already.`);
  show("working");
  const made = await askKeys({ kind: "new", label: field(form, "label") }, progress);
  if (made.kind !== "made") {
    show("form");
    return complain(made.kind === "failed" ? made.why : "");
  }
  await confirmRecovery(made.recoveryCode);
  show("working");
  progress(0.9, "Making the mailbox…");
  try {
    await send(form, made.box);
    await finish(made.box.id, made.appPassword);
  } catch (error) {
    show("form");
    complain(wordsFor(error));
  }
}

function addressIn(form: HTMLFormElement): string {
  return `${field(form, "local")}@${field(form, "domain")}`.toLowerCase();
}

/** What can't be asked now is answered when the mailbox is made. */
async function isTaken(address: string): Promise<boolean> {
  const read = await ask("GET", `/mailboxes?${new URLSearchParams({ text: address, limit: "100" })}`).catch(() => null);
  const items =
    typeof read === "object" && read !== null && "items" in read && Array.isArray(read.items) ? read.items : [];
  return items.some(
    (one: unknown) => typeof one === "object" && one !== null && "address" in one && one.address === address,
  );
}

async function send(form: HTMLFormElement, box: Box): Promise<void> {
  await ask("POST", "/mailboxes", { ...box, address: addressIn(form), node: field(form, "node"), quotaBytes });
}

async function finish(id: string, password: string): Promise<void> {
  const response = await fetch(`/mailboxes/${id}/connect`);
  const settings = response.ok ? fragment(await response.text()) : null;
  if (settings !== null) {
    part("connect", HTMLElement).replaceChildren(settings);
    enableCopy(settings);
  }
  part("password", HTMLElement).textContent = password;
  part("open", HTMLAnchorElement).href = `/mailboxes/${id}`;
  show("done");
}

const add = document.querySelector<HTMLFormElement>("form[data-add-device]");
add?.addEventListener("submit", (event) => {
  event.preventDefault();
  void addDevice(add, add.dataset["addDevice"] ?? "");
});

async function addDevice(form: HTMLFormElement, mailbox: string): Promise<void> {
  complain("");
  try {
    const keyslots = readSlots(await ask("GET", `/mailboxes/${mailbox}/keyslots`));
    show("working");
    const asked = {
      kind: "add" as const,
      mailbox,
      keyslots,
      label: field(form, "label"),
      secret: field(form, "secret"),
    };
    const added = await askKeys(asked, progress);
    if (added.kind !== "added") throw new Wrong(added.kind === "failed" ? added.why : "");
    await ask("POST", `/mailboxes/${mailbox}/keyslots`, added.slot);
    form.reset();
    part("password", HTMLElement).textContent = added.appPassword;
    show("done");
  } catch (error) {
    show("form");
    complain(error instanceof Wrong ? error.message : wordsFor(error));
  }
}

class Wrong extends Error {}
