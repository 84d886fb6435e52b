/** date and date-time of RFC 9051 §9, UTC ms and days since the epoch. */
import { Bad } from "../answers.ts";

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY = 86_400_000;
const FIRST = Date.parse("0001-01-01T00:00:00Z");
const LAST = Date.parse("9999-12-31T23:59:59Z");

/** `"17-Jul-1996 02:44:25 -0700"`, in UTC. */
export function writeDateTime(ms: number): string {
  const at = new Date(ms);
  const day = String(at.getUTCDate()).padStart(2, " ");
  // date-year = 4DIGIT, and a clock far off must not break the response.
  const year = String(Math.min(Math.max(at.getUTCFullYear(), 1), 9999)).padStart(4, "0");
  return `"${day}-${months[at.getUTCMonth()]}-${year} ${at.toISOString().slice(-13, -5)} +0000"`;
}

const dateTime = /^([ 0-9][0-9])-([A-Za-z]{3})-([0-9]{4}) ([0-9]{2}):([0-9]{2}):([0-9]{2}) ([+-])([0-9]{2})([0-9]{2})$/;

export function parseDateTime(text: string): number {
  const [, day = "", month = "", year = "", h = "", m = "", s = "", sign, zh = "", zm = ""] = dateTime.exec(text) ?? [];
  const midnight = dayOf(Number(day), month, Number(year)) * DAY;
  const zone = (sign === "-" ? -1 : 1) * (Number(zh) * 60 + Number(zm));
  if (Number(h) > 23 || Number(m) > 59 || Number(s) > 60) throw new Bad("Invalid date-time");
  if (Number(zh) > 23 || Number(zm) > 59) throw new Bad("Invalid zone");
  const at = midnight + (Number(h) * 3600 + Number(m) * 60 + Number(s) - zone * 60) * 1000;
  // What could not be said again, in UTC.
  if (at < FIRST || at > LAST) throw new Bad("Date out of range");
  return at;
}

/** `1-Feb-2024` → days since the epoch. */
export function parseDate(text: string): number {
  const [, day = "", month = "", year = ""] = /^([0-9]{1,2})-([A-Za-z]{3})-([0-9]{4})$/.exec(text) ?? [];
  return dayOf(Number(day), month, Number(year));
}

function dayOf(day: number, month: string, year: number): number {
  const index = months.findIndex((name) => name.toLowerCase() === month.toLowerCase());
  const at = new Date(0);
  at.setUTCFullYear(year, index, day);
  if (index < 0 || day < 1 || at.getUTCDate() !== day) throw new Bad("Invalid date");
  return Math.floor(at.getTime() / DAY);
}
