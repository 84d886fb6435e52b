/** The steps of making keys as a page shows them: one after the other, the recovery code confirmed before anything is kept. */
import type { Keyslot } from "../../../src/core/contract/mailbox.ts";

export function part<T extends HTMLElement>(name: string, kind: new () => T): T {
  const found = document.querySelector(`[data-part="${name}"]`);
  if (!(found instanceof kind)) throw new Error(`no ${name}`);
  return found;
}

/** Shows one step and moves the reader to it. */
export function show(step: string): void {
  for (const panel of document.querySelectorAll<HTMLElement>("[data-step]")) {
    panel.hidden = panel.dataset["step"] !== step;
    if (!panel.hidden) panel.querySelector<HTMLElement>("h2")?.focus();
  }
}

export function complain(words: string): void {
  const place = part("trouble", HTMLElement);
  place.hidden = words === "";
  place.textContent = words;
  if (words !== "") place.scrollIntoView({ block: "nearest" });
}

export function progress(done: number, says: string): void {
  part("progress", HTMLProgressElement).value = done;
  part("progress-words", HTMLElement).textContent = says;
}

export function field(form: HTMLFormElement, name: string): string {
  const value = new FormData(form).get(name);
  return typeof value === "string" ? value.trim() : "";
}

/** Resolves once its owner has typed the code's last eight characters. */
export function confirmRecovery(code: string): Promise<void> {
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

/** Our own server's list, so a light look suffices: zod would be 400 KB of page. */
export function readSlots(read: unknown): Keyslot[] {
  const items = typeof read === "object" && read !== null && "items" in read ? read.items : [];
  return Array.isArray(items) ? items.filter(isKeyslot) : [];
}

function isKeyslot(item: unknown): item is Keyslot {
  return typeof item === "object" && item !== null && "wrapped" in item && typeof item.wrapped === "string";
}
