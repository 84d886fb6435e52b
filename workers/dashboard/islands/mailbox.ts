/**
 * Making a mailbox, and adding a device to one. Steps are shown one after the other; the mailbox is made on the server only
 * after its recovery code was confirmed, because without one a lost app password loses the mail.
 */
import type { Keyslot } from "../../../src/core/contract/mailbox.ts";
import { ask, wordsFor } from "./ask.ts";
import { fragment } from "./fragment.ts";
import { askKeys, type Box } from "./keys-talk.ts";

const quotaBytes = 10 * 1024 ** 3;

function part<T extends HTMLElement>(name: string, kind: new () => T): T {
  const found = document.querySelector(`[data-part="${name}"]`);
  if (!(found instanceof kind)) throw new Error(`no ${name}`);
  return found;
}

/** Shows one step and moves the reader to it. */
function show(step: string): void {
  for (const panel of document.querySelectorAll<HTMLElement>("[data-step]")) {
    panel.hidden = panel.dataset["step"] !== step;
    if (!panel.hidden) panel.querySelector<HTMLElement>("h2")?.focus();
  }
}

function complain(words: string): void {
  const place = part("trouble", HTMLElement);
  place.hidden = words === "";
  place.textContent = words;
}

function progress(done: number, says: string): void {
  part("progress", HTMLProgressElement).value = done;
  part("progress-words", HTMLElement).textContent = says;
}

function field(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === "string" ? value.trim() : "";
}

const create = document.querySelector<HTMLFormElement>("form[data-new-mailbox]");
create?.addEventListener("submit", (event) => {
  event.preventDefault();
  void makeMailbox(create);
});

async function makeMailbox(form: HTMLFormElement): Promise<void> {
  complain("");
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

/** Resolves once its owner has typed the code's last eight characters. */
function confirmRecovery(code: string): Promise<void> {
  part("recovery", HTMLElement).textContent = code;
  const file = new Blob([`${code}\n`], { type: "text/plain" });
  part("download", HTMLAnchorElement).href = URL.createObjectURL(file);
  const plain = (text: string) => text.toLowerCase().replace(/[^0-9a-z]/g, "");
  const end = plain(code).slice(-8);
  const form = part("confirm", HTMLFormElement);
  show("recovery");
  return new Promise((resolve) => {
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const right = plain(field(form, "typed")) === end;
      complain(right ? "" : "That is not how the code ends. Look at what you have kept.");
      if (right) resolve();
    });
  });
}

async function send(form: HTMLFormElement, box: Box): Promise<void> {
  const address = `${field(form, "local")}@${field(form, "domain")}`;
  await ask("POST", "/mailboxes", { ...box, address, node: field(form, "node"), quotaBytes });
}

async function finish(id: string, password: string): Promise<void> {
  const response = await fetch(`/mailboxes/${id}/connect`);
  const settings = response.ok ? fragment(await response.text()) : null;
  if (settings !== null) part("connect", HTMLElement).replaceChildren(settings);
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

/** Our own server's list, so a light look suffices: zod would be 400 KB of page. */
function readSlots(read: unknown): Keyslot[] {
  const items = typeof read === "object" && read !== null && "items" in read ? read.items : [];
  return Array.isArray(items) ? items.filter(isKeyslot) : [];
}

function isKeyslot(item: unknown): item is Keyslot {
  return typeof item === "object" && item !== null && "wrapped" in item && typeof item.wrapped === "string";
}
