/** Keys for people who have much to do: `/` searches, `g` and a letter goes places, j and k walk a list, ? says all this. */
import { openHelp, openJump } from "./palette.ts";

const places: Record<string, string> = {
  o: "/",
  d: "/domains",
  m: "/mailboxes",
  a: "/activity",
  c: "/charts",
  r: "/reports",
  s: "/security",
};
/** How long `g` waits for its letter. */
const chordMs = 1200;
let went = Number.NEGATIVE_INFINITY;

document.addEventListener("keydown", (event) => {
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    return openJump();
  }
  if (event.metaKey || event.ctrlKey || event.altKey || isTyping(event.target)) return;
  const place = places[event.key];
  if (place !== undefined && event.timeStamp - went < chordMs) return location.assign(place);
  went = event.key === "g" ? event.timeStamp : Number.NEGATIVE_INFINITY;
  const act = acts[event.key];
  if (act === undefined) return;
  event.preventDefault();
  act();
});

function isTyping(target: EventTarget | null): boolean {
  const field = target instanceof Element ? target.closest("input, select, textarea, dialog") : null;
  return field !== null && !(field instanceof HTMLInputElement && field.type === "checkbox");
}

const acts: Record<string, () => void> = {
  "/": () => (document.querySelector<HTMLInputElement>("[data-search]") ?? { focus: openJump }).focus(),
  "?": openHelp,
  j: () => walk(1),
  k: () => walk(-1),
  x: () => current()?.querySelector<HTMLInputElement>("[data-tick]")?.click(),
  e: () => current()?.querySelector<HTMLElement>("[data-inline]")?.click(),
};

const rowsOf = (): HTMLElement[] => [
  ...document.querySelectorAll<HTMLElement>("main tbody tr:not(.editing), main .mail"),
];

function current(): HTMLElement | undefined {
  return rowsOf().find((row) => row.contains(document.activeElement));
}

/** To the next row's first link or tick, with the focus ring as the cursor. */
function walk(by: 1 | -1): void {
  const rows = rowsOf();
  const at = rows.findIndex((row) => row.contains(document.activeElement));
  const next = rows[at < 0 ? 0 : Math.min(Math.max(at + by, 0), rows.length - 1)];
  const place = next?.querySelector<HTMLElement>("[data-tick]") ?? next?.querySelector<HTMLElement>("a, button");
  place?.focus();
  next?.scrollIntoView({ block: "nearest" });
}
