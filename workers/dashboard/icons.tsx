/** Small line icons, drawn on a 20-unit grid, and Postern's mark: a gate whose arch is an envelope's flap. */
import type { FC } from "hono/jsx";

const paths = {
  overview: "M3 9.5 10 4l7 5.5V16a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1zM8 17v-5h4v5",
  domains:
    "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM3.3 8h13.4M3.3 12h13.4M10 3c2 2 3 4.300 3 7s-1 5-3 7c-2-2-3-4.300-3-7s1-5 3-7z",
  mailboxes: "M3 8.5 5.500 4h9L17 8.500V15a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1zM3 9h4l1 2h4l1-2h4",
  activity: "M2.500 10h3.500l2-5 3.500 10 2-5h4",
  team: "M7.500 9.500a2.700 2.700 0 1 0 0-5.400 2.700 2.700 0 0 0 0 5.400zM2.500 16c.3-2.800 2.200-4.300 5-4.300s4.700 1.500 5 4.300M13 4.600a2.500 2.500 0 0 1 0 4.700M14.500 12c1.800.5 2.800 1.900 3 4",
  security: "M10 2.500 4 5v4.500c0 3.700 2.400 6.600 6 8 3.600-1.400 6-4.300 6-8V5zM7.500 10l1.800 1.800L12.700 8.300",
  key: "M12.500 11.500a4 4 0 1 0-3.700-2.500L3 14.800V17h2.500v-2h2v-2l1.800-1.800a4 4 0 0 0 3.200.3zM13 7.500h.01",
  check: "M4.500 10.500 8 14l7.500-8",
  cross: "M5 5l10 10M15 5 5 15",
  warn: "M10 3 2.500 16.500h15zM10 8v4M10 14.300v.2",
  dash: "M5 10h10",
  plus: "M10 4v12M4 10h12",
  arrow: "M4 10h12M11 5l5 5-5 5",
  sun: "M10 13.500a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M4.300 15.700l1.100-1.100M14.600 5.400l1.100-1.100",
  moon: "M16.500 11.800A7 7 0 0 1 8.200 3.500a7 7 0 1 0 8.300 8.300z",
  out: "M8 4H4.500a1 1 0 0 0-1 1v10a1 1 0 0 0 1 1H8M12 6l4 4-4 4M16 10H7.500",
  copy: "M7 7V4.500a1 1 0 0 1 1-1h7.500a1 1 0 0 1 1 1V12a1 1 0 0 1-1 1H13M4.500 7H12a1 1 0 0 1 1 1v7.500a1 1 0 0 1-1 1H4.500a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1z",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM10 6v4.300l2.800 1.700",
  search: "M9 14.500a5.500 5.500 0 1 0 0-11 5.500 5.500 0 0 0 0 11zM13 13l4 4",
  more: "M4.500 10h.01M10 10h.01M15.500 10h.01",
  book: "M4 4.500A1.500 1.500 0 0 1 5.500 3H16v11H5.500A1.500 1.500 0 0 0 4 15.500zM4 15.500A1.500 1.500 0 0 0 5.500 17H16v-3",
  forward: "M3.500 5.500h13v9h-13zM3.500 6l6.500 5 6.500-5",
  lock: "M5.500 9h9a1 1 0 0 1 1 1v6a1 1 0 0 1-1 1h-9a1 1 0 0 1-1-1v-6a1 1 0 0 1 1-1zM7 9V6.500a3 3 0 0 1 6 0V9",
  device: "M6.500 2.500h7a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1h-7a1 1 0 0 1-1-1v-13a1 1 0 0 1 1-1zM9 15h2",
  chart: "M3.500 16.500h13M5.500 14V9.500M10 14V4.500M14.500 14v-6",
  report: "M5 2.500h7l3.500 3.500v11.500H5zM11.500 2.500V6.500h4M7.500 10h5.500M7.500 13h5.500",
  rules: "M4 5.500h12M4 10h8M4 14.500h5M14 12l2.500 2.500L14 17",
  hook: "M7.500 8.500a3.500 3.500 0 1 1 5.300 0l1.700 3.400M10 6.500 7 12M5.500 12a2.800 2.800 0 1 0 2.800 3H14",
} as const;

export type IconName = keyof typeof paths;

/** Those that a list repeats row by row: their path stands in the page once. */
const shared = ["check", "cross", "warn", "dash", "clock", "arrow", "mailboxes", "lock", "hook"] as const;
const isShared = (name: IconName): boolean => (shared as readonly IconName[]).includes(name);

export const Icon: FC<{ name: IconName }> = ({ name }) =>
  isShared(name) ? (
    <svg class="icon" aria-hidden="true">
      <use href={`#i-${name}`} />
    </svg>
  ) : (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );

/** The shared paths, on every page. */
export const Sprite: FC = () => (
  <svg class="sprite" aria-hidden="true">
    {shared.map((name) => (
      <symbol id={`i-${name}`} viewBox="0 0 20 20">
        <path d={paths[name]} />
      </symbol>
    ))}
  </svg>
);

export const Mark: FC<{ size?: number }> = ({ size = 28 }) => (
  <svg class="mark" width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false">
    <path class="mark-wall" d="M4 29V14.500a12 12 0 0 1 24 0V29z" />
    <path class="mark-flap" d="M4.800 14.500 16 22.500l11.200-8" />
    <circle class="mark-lamp" cx="16" cy="10" r="2.300" />
  </svg>
);
