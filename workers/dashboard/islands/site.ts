/** On every page: times in the reader's own zone, light and dark without a reload, copying, ticking, keys. Nothing here is needed to use a page. */

import { enableCopy } from "./copy.ts";
import "./keyboard.ts";
import { openJump } from "./palette.ts";
import { localise } from "./site-time.ts";

for (const time of document.querySelectorAll("time")) localise(time);

const themeButton = document.querySelector<HTMLButtonElement>("[data-theme-button]");
const root = document.documentElement;
if (themeButton !== null) {
  const dark = () =>
    (root.dataset["theme"] ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  themeButton.value = dark() ? "light" : "dark";
  themeButton.addEventListener("click", (event) => {
    event.preventDefault();
    const next = dark() ? "light" : "dark";
    root.dataset["theme"] = next;
    themeButton.value = dark() ? "light" : "dark";
    void fetch("/theme", { method: "POST", body: new URLSearchParams({ theme: next }), redirect: "manual" });
  });
}

enableCopy(document);
// On a phone the tabs are wider than the screen: the one that is open is shown.
const tab = document.querySelector<HTMLElement>(".tabs [aria-current]");
if (tab !== null) tab.parentElement?.scrollTo({ left: tab.offsetLeft - tab.offsetWidth });

const all = document.querySelector<HTMLInputElement>("[data-tick-all]");
const ticks = [...document.querySelectorAll<HTMLInputElement>("[data-tick]")];
const bar = document.querySelector<HTMLElement>("[data-bulk-bar]");
if (all !== null && bar !== null) {
  const whole = bar.querySelector<HTMLInputElement>("[data-whole]");
  whole?.addEventListener("change", () => show());
  const show = () => {
    const ticked = ticks.filter((tick) => tick.checked).length;
    bar.hidden = ticked === 0;
    const meant = whole?.checked ? Number(whole.dataset["whole"]) : ticked;
    const says = `${meant.toLocaleString("en")} ${meant === 1 ? "alias" : "aliases"}`;
    for (const place of bar.querySelectorAll("[data-ticked]")) place.textContent = says;
    all.checked = ticked === ticks.length && ticked > 0;
    all.indeterminate = ticked > 0 && ticked < ticks.length;
  };
  all.hidden = false;
  all.addEventListener("change", () => {
    for (const tick of ticks) tick.checked = all.checked;
    show();
  });
  for (const tick of ticks) tick.addEventListener("change", show);
  show();
}

// One fold open at a time, and Escape or a click elsewhere closes it.
const folds = () => document.querySelectorAll<HTMLDetailsElement>("details.confirm[open]");
document.addEventListener("click", (event) => {
  for (const fold of folds()) if (!fold.contains(event.target as Node)) fold.open = false;
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") for (const fold of folds()) fold.open = false;
});

const jump = document.querySelector<HTMLButtonElement>("[data-jump]");
if (jump !== null) {
  jump.hidden = false;
  jump.addEventListener("click", openJump);
}
