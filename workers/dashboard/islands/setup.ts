/** Checks that look again by themselves while something is still missing; folds that the reader opened stay open. */

import { enableCopy } from "./copy.ts";
import { fragment } from "./fragment.ts";

const place = document.querySelector<HTMLElement>("[data-checks]");
/** Quick at first, slower as minutes pass: DNS takes its time. */
const pacesMs = [4_000, 4_000, 6_000, 10_000, 15_000, 30_000];

if (place !== null) void watch(place, place.dataset["checks"] ?? "");

async function watch(box: HTMLElement, url: string): Promise<void> {
  for (let round = 0; round < 120; round++) {
    if (box.querySelector('[data-waiting="true"]') === null) return;
    await new Promise((resolve) => setTimeout(resolve, pacesMs[Math.min(round, pacesMs.length - 1)]));
    if (document.hidden) continue;
    await look(box, url).catch(() => undefined);
  }
}

async function look(box: HTMLElement, url: string): Promise<void> {
  const response = await fetch(url);
  const fresh = response.ok ? fragment(await response.text()) : null;
  if (fresh === null || box.contains(document.activeElement)) return;
  for (const fold of fresh.querySelectorAll("details")) {
    const old = document.getElementById(fold.id);
    if (old instanceof HTMLDetailsElement) fold.open = old.open && !becameRight(fresh, fold);
  }
  box.replaceChildren(fresh);
  const state = fresh.querySelector("[data-state-now]");
  if (state !== null) document.querySelector("[data-domain-state]")?.replaceChildren(...state.childNodes);
  enableCopy(box);
}

function becameRight(fresh: HTMLElement, fold: HTMLDetailsElement): boolean {
  return fresh.contains(fold) && fold.parentElement?.querySelector(".mail-glyph.pass") !== null;
}
