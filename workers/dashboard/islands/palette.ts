/** The palette: type part of a name and go there. Knows the pages, your domains with theirs, and your mailboxes. */
import { unicodeName } from "../../../src/core/rules/unicode-name.ts";
import { ask } from "./ask.ts";

type Place = { label: string; about: string; href: string; deep?: true };

const pages: Place[] = [
  ["Overview", "/"],
  ["Domains", "/domains"],
  ["Mailboxes", "/mailboxes"],
  ["Activity", "/activity"],
  ["Charts", "/charts"],
  ["Reports", "/reports"],
  ["Sign-in and keys", "/security"],
  ["API reference", "/reference"],
  ["New mailbox", "/mailboxes/new"],
  ["Add a domain", "/domains#add"],
].map(([label = "", href = ""]) => ({ label, about: "", href }));
const ofDomain: [string, string][] = [
  ["DNS", "/setup"],
  ["Senders", "/senders"],
  ["Webhooks", "/webhooks"],
  ["Explain", "/explain"],
  ["Import", "/transfer"],
  ["TXT", "/txt"],
  ["People", "/team"],
  ["Log", "/audit"],
];
const mostShown = 10;

let known: Promise<Place[]> | null = null;

async function everything(): Promise<Place[]> {
  const [domains, mailboxes] = await Promise.all([items("/domains"), items("/mailboxes")]);
  return [
    ...pages,
    ...domains.flatMap(({ id, name }) => domainPlaces(id, unicodeName(name))),
    ...mailboxes.map(({ id, address }) => ({ label: address, about: "Mailbox", href: `/mailboxes/${id}` })),
  ];
}

function domainPlaces(id: string, name: string): Place[] {
  const href = `/domains/${id}`;
  const deep = ofDomain.map(([about, path]): Place => ({ label: name, about, href: href + path, deep: true }));
  return [{ label: name, about: "Aliases", href }, ...deep];
}

type Item = { id: string; name: string; address: string };
type Page = { items?: Item[]; next?: string | null } | null;

/** Pages of a list asked for; a thousand things are found by searching their own page. */
const mostPages = 10;

async function items(path: string): Promise<Item[]> {
  const all: Item[] = [];
  let after = "";
  for (let pages = 0; pages < mostPages; pages++) {
    const read = (await ask("GET", `${path}?limit=100${after}`)) as Page;
    all.push(...(read?.items ?? []));
    if (read?.next == null) break;
    after = `&after=${encodeURIComponent(read.next)}`;
  }
  return all;
}

/** A domain's inner pages come up once they are named (`shop dns`). */
function matching(places: readonly Place[], typed: string): Place[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = ({ label, about, deep }: Place): boolean => {
    const text = `${label} ${about}`.toLowerCase();
    const inner = !deep || words.some((word) => about.toLowerCase().startsWith(word));
    return inner && words.every((word) => text.includes(word));
  };
  const rank = ({ label, deep }: Place): number =>
    (label.toLowerCase().startsWith(words[0] ?? "") ? 0 : 1) + (deep && words.length < 2 ? 2 : 0);
  return places
    .filter(fits)
    .toSorted((a, b) => rank(a) - rank(b))
    .slice(0, mostShown);
}

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string>,
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function dialog(label: string, ...children: Node[]): HTMLDialogElement {
  const made = element("dialog", { class: "palette", "aria-label": label }, ...children);
  made.addEventListener("close", () => made.remove());
  made.addEventListener("click", (event) => event.target === made && made.close());
  document.body.append(made);
  made.showModal();
  return made;
}

const isOpen = (): boolean => document.querySelector("dialog.palette") !== null;

export function openJump(): void {
  if (isOpen()) return;
  const input = element("input", {
    type: "text",
    role: "combobox",
    "aria-expanded": "true",
    "aria-controls": "palette-list",
    "aria-label": "Where to?",
    placeholder: "A domain, a mailbox, a page…",
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
  });
  const list = element("ul", { id: "palette-list", role: "listbox", "aria-label": "Places" });
  const hint = element("p", { class: "palette-hint" }, "↑ ↓ choose · Enter goes · Esc closes · ? all keys");
  dialog("Jump to", input, list, hint);
  input.focus();
  attend(input, list);
}

function attend(input: HTMLInputElement, list: HTMLUListElement): void {
  let shown: Place[] = [];
  let chosen = 0;
  let places: readonly Place[] = pages;
  const draw = (): void => {
    list.replaceChildren(...shown.map((place, at) => option(place, at, at === chosen)));
    if (shown.length === 0) list.append(element("li", { class: "palette-none" }, "Nothing of that name."));
    input.setAttribute("aria-activedescendant", shown.length > 0 ? `palette-${chosen}` : "");
    list.children[chosen]?.scrollIntoView({ block: "nearest" });
  };
  const search = (): void => {
    shown = matching(places, input.value);
    chosen = 0;
    draw();
  };
  input.addEventListener("input", search);
  input.addEventListener("keydown", (event) => {
    const place = shown[chosen];
    if (event.key === "Enter" && place !== undefined) location.assign(place.href);
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    chosen = (chosen + (event.key === "ArrowDown" ? 1 : shown.length - 1)) % Math.max(1, shown.length);
    draw();
  });
  list.addEventListener("click", (event) => {
    const row = event.target instanceof Element ? event.target.closest<HTMLElement>("[data-href]") : null;
    if (row !== null) location.assign(row.dataset["href"] ?? "/");
  });
  search();
  known ??= everything();
  known.then(
    (all) => {
      places = all;
      search();
    },
    () => {
      known = null; // asked again next time
    },
  );
}

function option({ label, about, href }: Place, at: number, chosen: boolean): HTMLLIElement {
  const row = element("li", {
    id: `palette-${at}`,
    role: "option",
    "aria-selected": String(chosen),
    "data-href": href,
  });
  row.append(element("span", { class: "palette-label" }, label), element("span", { class: "soft small" }, about));
  return row;
}

const keys: [string, string][] = [
  ["Ctrl K or ⌘ K", "jump to a domain, mailbox or page"],
  ["/", "search on this page"],
  ["g then o, d, m, a", "overview, domains, mailboxes, activity"],
  ["g then c, r, s", "charts, reports, sign-in"],
  ["j and k", "down and up in a list"],
  ["Enter", "open what is under the cursor"],
  ["x", "tick the row"],
  ["e", "edit the row"],
  ["Esc", "close what is open"],
  ["?", "this list"],
];

export function openHelp(): void {
  if (isOpen()) return;
  const rows = keys.flatMap(([key, says]) => [
    element("dt", {}, ...key.split(" ").map((part) => (isWord(part) ? ` ${part} ` : element("kbd", {}, part)))),
    element("dd", {}, says),
  ]);
  const close = element("button", { type: "button", class: "small-button" }, "Close");
  const made = dialog("Keys", element("h2", {}, "Keys"), element("dl", { class: "key-list" }, ...rows), close);
  close.addEventListener("click", () => made.close());
}

const isWord = (part: string): boolean => ["or", "then", "and"].includes(part);
