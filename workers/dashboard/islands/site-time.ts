/** Times in the reader's own zone and words. */
export function localise(time: HTMLTimeElement): void {
  const at = new Date(time.dateTime);
  const now = new Date();
  const seconds = "exact" in time.dataset ? ({ second: "2-digit" } as const) : {};
  const clock = at.toLocaleTimeString(undefined, { hour: "2-digit", minute: "2-digit", ...seconds });
  const day = at.toLocaleDateString(undefined, { day: "numeric", month: "short" });
  const year = at.getFullYear() === now.getFullYear() ? "" : ` ${at.getFullYear()}`;
  time.textContent = at.toDateString() === now.toDateString() ? clock : `${day}${year}, ${clock}`;
  time.title = at.toLocaleString();
}
