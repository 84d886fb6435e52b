/** Figures as pictures: what came by day, what DMARC found, who writes most, how long copies take, what is stored. Drawn by the server. */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import { z } from "zod";
import { unicodeName } from "../../../src/core/rules/unicode-name.ts";
import type { DomainView } from "../../directory/domains.ts";
import { largestMailboxes, type MailboxLine } from "../../directory/mailbox-list.ts";
import { type Outcome, type Stats, statsOf } from "../../directory/stats.ts";
import type { App } from "../../sign-in/visitor.ts";
import { DayBars, type Layer, type Share, Shares } from "../charts.tsx";
import { signedIn } from "../guard.tsx";
import { Icon } from "../icons.tsx";
import { bytesText, Empty, Head, plural } from "../parts.tsx";
import { myDomains } from "../reader.ts";
import { page } from "../shell.tsx";
import { reasonWords } from "../words.ts";

export const chartPages = new Hono<App>();
const spans = [7, 30] as const;
const querySchema = z.object({
  domain: z.string().max(26).default("").catch(""),
  days: z.coerce.number().int().pipe(z.literal(spans)).default(30).catch(30),
});
type Query = z.output<typeof querySchema>;
const shownBoxes = 12;

chartPages.get(
  "/charts",
  signedIn(async (c, visitor) => {
    const domains = await myDomains(c, visitor);
    const query = querySchema.parse(c.req.query());
    const wanted = domains.filter(({ id }) => id === query.domain);
    const ids = (wanted.length > 0 ? wanted : domains).map((domain) => domain.id);
    const frame = { title: "Charts", at: "charts" as const, islands: ["charts"] };
    if (ids.length === 0) return page(c, visitor, frame, <Nothing />);
    const world = c.get("world");
    const [stats, boxes] = await Promise.all([
      statsOf(world, ids, query.days),
      largestMailboxes(world, ids, shownBoxes),
    ]);
    return page(c, visitor, frame, <ChartsView {...{ stats, boxes, domains, query }} />);
  }),
);

const Nothing: FC = () => (
  <>
    <Head title="Charts" says="What came in, from whom, and how quickly it went on." />
    <Empty icon="chart" title="Nothing to draw yet">
      <p>
        <a href="/domains#add">Add a domain</a>; once mail comes in, its days, verdicts and senders are drawn here.
      </p>
    </Empty>
  </>
);

type ViewProps = { stats: Stats; boxes: MailboxLine[]; domains: DomainView[]; query: Query };

const ChartsView: FC<ViewProps> = ({ stats, boxes, domains, query }) => (
  <>
    <Head title="Charts" says="What came in, from whom, and how quickly it went on. Days are those of UTC.">
      <a class="button" href="/reports">
        <Icon name="report" />
        Reports
      </a>
    </Head>
    <Choice domains={domains} query={query} />
    <section class="card stack" aria-labelledby="volume">
      <h2 id="volume">Messages by day</h2>
      <DayBars
        bars={stats.days.map((one) => ({ day: one.day, values: outcomes.map(([outcome]) => one[outcome]) }))}
        layers={outcomes.map(([, name, tone]) => ({ name, tone }))}
      />
    </section>
    <div class="columns three">
      <Verdicts name="SPF" says="Was the sending server allowed to?" rows={stats.verdicts.spf} />
      <Verdicts name="DKIM" says="Was it signed, and unchanged since?" rows={stats.verdicts.dkim} />
      <Verdicts name="DMARC" says="Did it really come from its author?" rows={stats.verdicts.dmarc} />
    </div>
    <div class="columns">
      <Spam stats={stats} />
      <Shares
        title="Who writes most"
        rows={stats.senders.map((one) => ({ name: one.sender, n: one.n }))}
        unit={messages}
      />
    </div>
    <div class="columns">
      <Latency latency={stats.latency} />
      <Shares
        title="Stored, by mailbox"
        rows={boxes.map((box) => ({ name: box.address, n: box.usedBytes }))}
        unit={bytesText}
        empty="No mailbox yet."
      />
    </div>
  </>
);

const Choice: FC<{ domains: DomainView[]; query: Query }> = ({ domains, query }) => (
  <form method="get" action="/charts" class="row">
    <select name="domain" aria-label="Domain" class="narrow">
      <option value="">All domains</option>
      {domains.map(({ id, name }) => (
        <option value={id} selected={id === query.domain}>
          {unicodeName(name)}
        </option>
      ))}
    </select>
    <select name="days" aria-label="Span" class="narrow">
      {spans.map((days) => (
        <option value={days} selected={days === query.days}>
          Last {days} days
        </option>
      ))}
    </select>
    <button type="submit">Show</button>
  </form>
);

const outcomes: readonly [Outcome, string, Layer["tone"]][] = [
  ["accepted", "accepted", "good"],
  ["refused", "refused", "bad"],
  ["deferred", "put off", "wait"],
];

const tones: Record<string, Share["tone"]> = {
  fail: "bad",
  permerror: "bad",
  policy: "bad",
  softfail: "wait",
  temperror: "wait",
  none: "quiet",
  neutral: "quiet",
  "not-evaluated": "quiet",
  "not checked": "quiet",
};

const messages = (n: number): string => plural(n, "message");

const plainResults: Record<string, string> = {
  pass: "passed",
  fail: "failed",
  softfail: "probably not",
  neutral: "its domain does not say",
  none: "nothing to check by",
  policy: "not good enough",
  permerror: "its record can't be read",
  temperror: "DNS did not answer",
  "not-evaluated": "sending server not known",
};

const Verdicts: FC<{ name: string; says: string; rows: { result: string; n: number }[] }> = ({ name, says, rows }) => (
  <Shares
    title={name}
    says={says}
    unit={messages}
    rows={rows.map(({ result, n }) => ({
      name: plainResults[result] ?? result,
      n,
      ...(tones[result] && { tone: tones[result] }),
    }))}
  />
);

/** What was kept from the inbox, and why. */
const Spam: FC<{ stats: Stats }> = ({ stats }) => {
  const junk: Share[] =
    stats.junk === 0
      ? []
      : [{ name: "Filed as Junk: its author's domain asks for that.", n: stats.junk, tone: "wait" }];
  const reasons = stats.reasons.map(
    ({ result, outcome, n }): Share => ({ name: reasonWords(result), n, tone: outcome === "refused" ? "bad" : "wait" }),
  );
  return (
    <Shares
      title="Spam, forgeries and other refusals"
      rows={[...junk, ...reasons]}
      unit={messages}
      empty="Nothing was kept out."
    />
  );
};

const Latency: FC<{ latency: Stats["latency"] }> = ({ latency }) => (
  <section class="card stack" aria-label="From arrival to delivery">
    <h2>From arrival to delivery</h2>
    {latency === null ? (
      <p class="soft">Nothing yet.</p>
    ) : (
      <dl class="facts percentiles">
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
