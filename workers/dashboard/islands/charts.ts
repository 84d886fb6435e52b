/** Reading a chart day by day: by pointer, finger or arrow keys; the figures are said under it. Without this they are in its table. */
for (const chart of document.querySelectorAll<SVGElement>("svg[data-bars]")) read(chart);

function read(chart: SVGElement): void {
  const days = [...chart.querySelectorAll<SVGElement>("[data-says]")];
  const place = chart.closest("figure")?.querySelector<HTMLElement>("[data-readout]");
  if (place == null || days.length === 0) return;
  chart.setAttribute("tabindex", "0");
  place.textContent = "Point at a day, or use the arrow keys, to read it.";
  let at = days.length;
  const show = (next: number): void => {
    days[at]?.classList.remove("read");
    at = Math.min(Math.max(next, 0), days.length - 1);
    days[at]?.classList.add("read");
    place.textContent = days[at]?.dataset["says"] ?? "";
  };
  const pointed = (event: Event): void => {
    const day = event.target instanceof Element ? event.target.closest<SVGElement>("[data-says]") : null;
    if (day !== null) show(days.indexOf(day));
  };
  chart.addEventListener("pointermove", pointed);
  chart.addEventListener("pointerdown", pointed);
  chart.addEventListener("keydown", (event) => {
    const steps: Record<string, number> = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: days.length - 1 };
    const next = steps[event.key];
    if (next === undefined) return;
    event.preventDefault();
    show(next);
  });
}
