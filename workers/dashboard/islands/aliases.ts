/**
 * Editing an alias where it stands: its row opens into the form of its own page, saves in place and closes again. Without
 * this the link leads to that page, and so it does whenever anything goes wrong here.
 */
import { documentOf } from "./fragment.ts";

const said = document.querySelector<HTMLElement>("[data-alias-said]");

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest<HTMLAnchorElement>("a[data-inline]") : null;
  if (link === null || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  event.preventDefault();
  open(link).catch(() => location.assign(link.href));
});

async function open(link: HTMLAnchorElement): Promise<void> {
  const row = link.closest("tr");
  const form = row === null ? null : formIn(await pageAt(link.href));
  if (row === null || form === null) return location.assign(link.href);
  for (const other of document.querySelectorAll("tr.editing")) other.remove();
  const place = document.createElement("tr");
  place.className = "editing";
  const cell = place.insertCell();
  cell.colSpan = row.cells.length;
  row.after(place);
  put(form, cell, row, link);
}

/** Puts a form, fresh or with what was wrong, into its place, and makes it save from there. */
function put(
  form: HTMLFormElement,
  cell: HTMLTableCellElement,
  row: HTMLTableRowElement,
  link: HTMLAnchorElement,
): void {
  const close = (): void => {
    cell.closest("tr")?.remove();
    link.focus();
  };
  form.addEventListener("submit", (event) => {
    if (event.submitter instanceof HTMLButtonElement && event.submitter.hasAttribute("formaction")) return; // deleting
    event.preventDefault();
    save(form, cell, row, link).catch(() => form.submit());
  });
  form.querySelector("[data-cancel]")?.addEventListener("click", (event) => {
    event.preventDefault();
    close();
  });
  form.addEventListener("keydown", (event) => event.key === "Escape" && close());
  cell.replaceChildren(form);
  form.querySelector<HTMLElement>('[aria-invalid="true"], input[name="to"]')?.focus();
}

async function save(
  form: HTMLFormElement,
  cell: HTMLTableCellElement,
  row: HTMLTableRowElement,
  link: HTMLAnchorElement,
): Promise<void> {
  const fields = [...new FormData(form)].map(([name, value]): [string, string] => [name, String(value)]);
  const response = await fetch(form.action, { method: "POST", body: new URLSearchParams(fields) });
  if (response.redirected && response.ok) return saved(row);
  const again = formIn(documentOf(await response.text()));
  if (again === null) return form.submit();
  put(again, cell, row, link);
}

/** Shows the row as the server has it now; one that went to another page of the list is looked for by a reload. */
async function saved(row: HTMLTableRowElement): Promise<void> {
  const now = (await pageAt(location.href)).querySelector<HTMLElement>(`tr[data-alias="${row.dataset["alias"]}"]`);
  if (now === null) return location.reload();
  document.querySelector("tr.editing")?.remove();
  row.replaceWith(document.adoptNode(now));
  now.querySelector<HTMLElement>("a[data-inline]")?.focus();
  if (said !== null) said.textContent = "Saved.";
}

async function pageAt(url: string): Promise<Document> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`status ${response.status}`);
  return documentOf(await response.text());
}

/** The alias's form with ids of its own: the form that adds an alias is on this page too. */
function formIn(page: Document): HTMLFormElement | null {
  const form = page.querySelector<HTMLFormElement>("form[data-alias-form]");
  if (form === null) return null;
  for (const one of form.querySelectorAll("[id]")) one.id = `edit-${one.id}`;
  for (const name of ["for", "list", "aria-describedby"])
    for (const one of form.querySelectorAll(`[${name}]`))
      one.setAttribute(name, prefixed(one.getAttribute(name) ?? ""));
  return document.adoptNode(form);
}

const prefixed = (ids: string): string => ids.replace(/\S+/g, (id) => `edit-${id}`);
