/** The live tail: listens for pointers, fetches each row with the page's own rights, and puts it where it belongs. */
import { fragment } from "./fragment.ts";
import { localise } from "./site-time.ts";

const live = document.querySelector<HTMLElement>("[data-live]");
const list = document.querySelector<HTMLElement>("[data-messages]");
/** A list that grows for days would slow the page down. */
const mostRows = 200;

if (live?.dataset["live"]) watch(live, live.dataset["live"]);

function watch(lamp: HTMLElement, domain: string): void {
  lamp.hidden = false;
  if (lamp instanceof HTMLButtonElement) lamp.addEventListener("click", () => turn(lamp));
  const source = new EventSource(domain === "all" ? "/activity/stream" : `/activity/stream?domain=${domain}`);
  source.addEventListener("open", () => {
    lamp.dataset["on"] = "true";
  });
  source.addEventListener("error", () => {
    lamp.dataset["on"] = "false";
  });
  source.addEventListener("journal", (event: MessageEvent<string>) => {
    const journal = journalIn(event.data);
    if (journal !== null) void heard(journal);
  });
  addEventListener("pagehide", () => source.close());
}

/** What came while the list was held still; null while it runs. */
let held: Set<string> | null = null;

function turn(lamp: HTMLButtonElement): void {
  const came = held;
  held = came === null ? new Set() : null;
  lamp.setAttribute("aria-pressed", String(held !== null));
  sayHeld();
  for (const journal of came ?? []) void heard(journal);
}

function sayHeld(): void {
  const says = document.querySelector("[data-live-says]");
  if (says === null) return;
  says.textContent = held === null ? "live" : held.size === 0 ? "paused" : `paused, ${held.size} new`;
}

/** Rows being fetched: a step that is heard meanwhile asks once more afterwards. */
const fetching = new Map<string, boolean>();

function journalIn(data: string): string | null {
  const read: unknown = JSON.parse(data);
  const journal = typeof read === "object" && read !== null && "journal" in read ? read.journal : null;
  return typeof journal === "string" && /^[0-9A-Z]{26}$/.test(journal) ? journal : null;
}

async function heard(journal: string): Promise<void> {
  if (held !== null) {
    held.add(journal);
    return sayHeld();
  }
  if (fetching.has(journal)) {
    fetching.set(journal, true);
    return;
  }
  fetching.set(journal, false);
  await show(journal).catch(() => undefined);
  const again = fetching.get(journal);
  fetching.delete(journal);
  if (again) await heard(journal);
}

async function show(journal: string): Promise<void> {
  const response = await fetch(`/activity/${journal}/row?${live?.dataset["rows"] ?? ""}`);
  if (response.status !== 200 || list === null) return;
  const row = fragment(await response.text());
  if (row === null) return;
  for (const time of row.querySelectorAll("time")) localise(time);
  const old = document.getElementById(row.id);
  if (old !== null) {
    const wasHere = old.contains(document.activeElement);
    old.replaceWith(row);
    if (wasHere) row.querySelector("a")?.focus();
    return;
  }
  row.classList.add("fresh");
  document.querySelector<HTMLElement>("[data-nothing]")?.remove();
  list.prepend(row);
  for (const extra of [...list.children].slice(mostRows)) extra.remove();
}
