/** Figures as pictures: what came by day, what DMARC found, who writes most, how long copies take, what is stored. Drawn by the server. */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import { type Mailbox, mailboxesOf } from "../../directory/mailboxes.ts";
import { type Day, type Outcome, type Stats, statsOf } from "../../directory/stats.ts";
import type { App } from "../../sign-in/visitor.ts";
import { signedIn } from "../guard.tsx";
import { bytesText, Empty, Head } from "../parts.tsx";
import { myDomains } from "../reader.ts";
import { page } from "../shell.tsx";

export const chartPages = new Hono<App>();
const shownDays = 30;

chartPages.get(
  "/charts",
  signedIn(async (c, visitor) => {
    const ids = (await myDomains(c, visitor)).map((domain) => domain.id);
    const frame = { title: "Charts", at: "charts" as const };
    if (ids.length === 0) return page(c, visitor, frame, <Nothing />);
    const world = c.get("world");
    const [stats, boxes] = await Promise.all([statsOf(world, ids, shownDays), mailboxesOf(world, ids)]);
    return page(c, visitor, frame, <ChartsView stats={stats} boxes={boxes} />);
  }),
);

const Nothing: FC = () => (
  <Empty icon="chart" title="Nothing to draw yet">
    <p>Add a domain; once mail comes in, its days, verdicts and senders are drawn here.</p>
  </Empty>
);

const ChartsView: FC<{ stats: Stats; boxes: Mailbox[] }> = ({ stats, boxes }) => (
  <>
    <Head title="Charts" says={`The last ${shownDays} days of all your domains, in UTC.`} />
    <section class="card stack" aria-labelledby="volume">
      <h2 id="volume">Messages by day</h2>
      <DayBars days={stats.days} />
    </section>
    <div class="columns">
      <Shares title="What DMARC found" rows={stats.dmarc.map((one) => [one.result, one.n])} />
      <Shares title="Who writes most" rows={stats.senders.map((one) => [one.sender, one.n])} />
    </div>
    <div class="columns">
      <Latency latency={stats.latency} />
      <Shares title="Stored, by mailbox" rows={boxes.map((box) => [box.address, box.usedBytes])} unit={bytesText} />
    </div>
  </>
);

const outcomes: readonly [Outcome, string][] = [
  ["accepted", "accepted"],
  ["refused", "refused"],
  ["deferred", "put off"],
];

const DayBars: FC<{ days: Day[] }> = ({ days }) => {
  const most = Math.max(1, ...days.map((day) => day.accepted + day.refused + day.deferred));
  const total = (outcome: Outcome): number => days.reduce((sum, day) => sum + day[outcome], 0);
  const words = outcomes.map(([outcome, word]) => `${total(outcome)} ${word}`).join(", ");
  return (
    <figure class="stack tight">
      <svg
        class="bars-svg"
        viewBox={`0 0 ${days.length * 10} 60`}
        preserveAspectRatio="none"
        role="img"
        aria-label={words}
      >
        {days.map((day, at) => (
          <DayBar day={day} x={at * 10 + 1} most={most} />
        ))}
      </svg>
      <figcaption class="row soft small">
        {outcomes.map(([outcome, word]) => (
          <span class={`key ${outcome}`}>
            {total(outcome).toLocaleString("en")} {word}
          </span>
        ))}
        <span>most in a day: {most.toLocaleString("en")}</span>
      </figcaption>
    </figure>
  );
};

const DayBar: FC<{ day: Day; x: number; most: number }> = ({ day, x, most }) => {
  let y = 60;
  return (
    <g>
      <title>{`${day.day}: ${day.accepted} accepted, ${day.refused} refused, ${day.deferred} put off`}</title>
      {outcomes.map(([outcome]) => {
        const height = (day[outcome] / most) * 58;
        y -= height;
        return <rect class={`bar ${outcome}`} x={x} y={y.toFixed(2)} width={8} height={height.toFixed(2)} />;
      })}
    </g>
  );
};

type SharesProps = { title: string; rows: [string, number][]; unit?: (n: number) => string };

const Shares: FC<SharesProps> = ({ title, rows, unit = (n) => n.toLocaleString("en") }) => {
  const most = Math.max(1, ...rows.map(([, n]) => n));
  return (
    <section class="card stack" aria-label={title}>
      <h2>{title}</h2>
      {rows.length === 0 && <p class="soft">Nothing yet.</p>}
      <ul class="shares">
        {rows.slice(0, 12).map(([name, n]) => (
          <li>
            <span class="wrap">{name}</span>
            <span class="soft">{unit(n)}</span>
            <meter min={0} max={most} value={n} aria-label={`${name}: ${unit(n)}`} />
          </li>
        ))}
      </ul>
    </section>
  );
};

const Latency: FC<{ latency: Stats["latency"] }> = ({ latency }) => (
  <section class="card stack" aria-label="From arrival to delivery">
    <h2>From arrival to delivery</h2>
    {latency === null ? (
      <p class="soft">Nothing yet.</p>
    ) : (
      <dl class="facts">
        <dt>Half of the copies within</dt>
        <dd>{seconds(latency.p50)}</dd>
        <dt>95 of 100 within</dt>
        <dd>{seconds(latency.p95)}</dd>
        <dt>99 of 100 within</dt>
        <dd>{seconds(latency.p99)}</dd>
      </dl>
    )}
  </section>
);

function seconds(ms: number): string {
  if (ms < 1000) return `${ms} ms`;
  return ms < 120_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 60_000)} min`;
}
