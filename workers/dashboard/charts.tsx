/** The two kinds of chart: days as stacked bars with their scale, and shares as lines with a meter. Drawn by the server; figures as a table behind a fold. */
import type { FC } from "hono/jsx";

/** One layer of the bars; `tone` names its colour. */
export type Layer = { name: string; tone: "good" | "bad" | "wait" };
export type Bar = { day: string; values: number[] };
type Props = { bars: Bar[]; layers: Layer[] };

const number = (n: number): string => n.toLocaleString("en");
const total = (values: readonly number[]): number => values.reduce((sum, n) => sum + n, 0);

export const DayBars: FC<Props> = ({ bars, layers }) => {
  const top = scaleTop(Math.max(1, ...bars.map(({ values }) => total(values))));
  const sums = layers.map((_, at) => total(bars.map(({ values }) => values[at] ?? 0)));
  const said = layers.map(({ name }, at) => `${number(sums[at] ?? 0)} ${name}`);
  const shown = [bars[0], bars[Math.floor(bars.length / 2)], bars.at(-1)].map((bar) => shortDay(bar?.day ?? ""));
  return (
    <figure class="chart">
      <div class="chart-scale" aria-hidden="true">
        <span>{number(top)}</span>
        <span>{number(top / 2)}</span>
        <span>0</span>
      </div>
      <svg
        class="bars-svg"
        viewBox={`0 0 ${bars.length * 10} 100`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`${said.join(", ")}, from ${longDay(bars[0]?.day)} to ${longDay(bars.at(-1)?.day)}`}
        data-bars
      >
        <path class="grid" d={`M0 .5H${bars.length * 10}M0 50H${bars.length * 10}`} />
        {bars.map((bar, at) => (
          <DayBar bar={bar} layers={layers} x={at * 10 + 1.5} top={top} />
        ))}
      </svg>
      <div class="chart-days" aria-hidden="true">
        {shown.map((day) => (
          <span>{day}</span>
        ))}
      </div>
      <output class="chart-readout small" data-readout />
      <figcaption class="row soft small">
        {layers.map(({ tone }, at) => (
          <span class={`key ${tone}`}>{said[at]}</span>
        ))}
      </figcaption>
      <Figures bars={bars} layers={layers} />
    </figure>
  );
};

const DayBar: FC<{ bar: Bar; layers: Layer[]; x: number; top: number }> = ({ bar, layers, x, top }) => {
  let y = 100;
  const says = `${longDay(bar.day)}: ${layers.map(({ name }, at) => `${number(bar.values[at] ?? 0)} ${name}`).join(", ")}`;
  return (
    <g data-says={says}>
      <title>{says}</title>
      <rect class="day" x={x - 1.5} y={0} width={10} height={100} />
      {layers.map(({ tone }, at) => {
        const height = ((bar.values[at] ?? 0) / top) * 100;
        y -= height;
        return height > 0 && <rect class={`bar ${tone}`} x={x} y={y.toFixed(2)} width={7} height={height.toFixed(2)} />;
      })}
    </g>
  );
};

/** The same for whoever does not see the picture, or wants the numbers. */
const Figures: FC<Props> = ({ bars, layers }) => (
  <details>
    <summary class="small">As a table</summary>
    <table class="figures-table">
      <thead>
        <tr>
          <th scope="col">Day</th>
          {layers.map(({ name }) => (
            <th scope="col" class="number">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {bars
          .filter(({ values }) => total(values) > 0)
          .map(({ day, values }) => (
            <tr>
              <td>{longDay(day)}</td>
              {layers.map((_, at) => (
                <td class="number">{number(values[at] ?? 0)}</td>
              ))}
            </tr>
          ))}
      </tbody>
    </table>
  </details>
);

/** The next even 1, 2 or 5 with zeros, so that half of it is a number too. */
function scaleTop(most: number): number {
  const unit = 10 ** Math.floor(Math.log10(most));
  const step = [1, 2, 5, 10].find((one) => one * unit >= most) ?? 10;
  return Math.max(2, step * unit);
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
function shortDay(day: string): string {
  const [, month, date] = day.split("-").map(Number);
  return month === undefined ? "" : `${date} ${months[month - 1]}`;
}

/** `2026-11-28` as people write it. */
function longDay(day = ""): string {
  const [year] = day.split("-");
  return `${shortDay(day)} ${year}`;
}

export type Share = { name: string; n: number; tone?: "good" | "bad" | "wait" | "quiet" };
type SharesProps = { title: string; says?: string; rows: Share[]; empty?: string; unit?: (n: number) => string };

/** Shares of the largest row: for who and what, where a sum means little. */
export const Shares: FC<SharesProps> = ({ title, says, rows, empty = "Nothing yet.", unit = number }) => {
  const most = Math.max(1, ...rows.map(({ n }) => n));
  return (
    <section class="card stack" aria-label={title}>
      <div class="stack tight">
        <h2>{title}</h2>
        {says !== undefined && <p class="soft small">{says}</p>}
      </div>
      {rows.length === 0 && <p class="soft">{empty}</p>}
      <ul class="shares">
        {rows.slice(0, 12).map(({ name, n, tone }) => (
          <li>
            <span class="wrap">{name}</span>
            <span class="soft">{unit(n)}</span>
            <meter class={tone} min={0} max={most} value={n} aria-label={`${name}: ${unit(n)}`} />
          </li>
        ))}
      </ul>
    </section>
  );
};
