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
  const source = new EventSource(domain === "all" ? "/activity/stream" : `/activity/stream?domain=${domain}`);
  source.addEventListener("open", () => {
    lamp.dataset["on"] = "true";
  });
  source.addEventListener("error", () => {
    lamp.dataset["on"] = "false";
  });
  source.addEventListener("journal", (event: MessageEvent<string>) => void heard(event.data));
  addEventListener("pagehide", () => source.close());
}

/** Rows being fetched: a step that is heard meanwhile asks once more afterwards. */
const fetching = new Map<string, boolean>();

async function heard(data: string): Promise<void> {
  const read: unknown = JSON.parse(data);
  const journal = typeof read === "object" && read !== null && "journal" in read ? read.journal : null;
  if (typeof journal !== "string" || !/^[0-9A-Z]{26}$/.test(journal)) return;
  if (fetching.has(journal)) {
    fetching.set(journal, true);
    return;
  }
  fetching.set(journal, false);
  await show(journal).catch(() => undefined);
  const again = fetching.get(journal);
  fetching.delete(journal);
  if (again) await heard(data);
}

async function show(journal: string): Promise<void> {
  const response = await fetch(`/activity/${journal}/row`);
  if (!response.ok || list === null) return;
  const row = fragment(await response.text());
  if (row === null) return;
  for (const time of row.querySelectorAll("time")) localise(time);
  const old = document.getElementById(row.id);
  if (old !== null) return old.replaceWith(row);
  row.classList.add("fresh");
  document.querySelector<HTMLElement>("[data-nothing]")?.remove();
  list.prepend(row);
  for (const extra of [...list.children].slice(mostRows)) extra.remove();
}
