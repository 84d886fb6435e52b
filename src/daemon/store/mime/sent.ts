/**
 * The Date: field, as an instant and as the day it spells. RFC 5322 §3.3 and §4.3 (two-digit years, zone names), with the
 * liberties that mail takes. Null where there is no date in it.
 */
const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const zones: Record<string, number> = { EST: -5, EDT: -4, CST: -6, CDT: -5, MST: -7, MDT: -6, PST: -8, PDT: -7 };
const dateTime =
  /(\d{1,2})[\s-]+([a-z]{3})[a-z]*[\s-]+(\d{2,4})(?:[\s,]+(\d{1,2}):(\d{2})(?::(\d{2}))?)?\s*([+-]\d{4}|[a-z]{1,4})?/i;

/** `day`: days since the epoch, the zone disregarded. */
export function sentOf(text: string | null): { at: number; day: number } | null {
  const match = text?.replace(/\([^()]*\)/g, " ").match(dateTime);
  if (!match) return null;
  const [, day = "", name = "", year = "", hour = "0", minute = "0", second = "0", zone = ""] = match;
  const month = months.indexOf(name.toLowerCase());
  if (month < 0 || Number(day) < 1 || Number(day) > 31) return null;
  const midnight = Date.UTC(fullYear(year), month, Number(day));
  const time = (Number(hour) * 3600 + Number(minute) * 60 + Math.min(59, Number(second))) * 1000;
  return { at: midnight + time - offset(zone), day: Math.floor(midnight / 86_400_000) };
}

// RFC 5322 §4.3: 00–49 are 20xx, 50–99 and three digits are 1900 more.
function fullYear(text: string): number {
  const year = Number(text);
  if (text.length === 2) return year < 50 ? 2000 + year : 1900 + year;
  return text.length === 3 ? 1900 + year : year;
}

function offset(zone: string): number {
  const numeric = zone.match(/^([+-])(\d{2})(\d{2})$/);
  if (!numeric) return (zones[zone.toUpperCase()] ?? 0) * 3_600_000;
  const minutes = Number(numeric[2]) * 60 + Number(numeric[3]);
  return (numeric[1] === "-" ? -minutes : minutes) * 60_000;
}
