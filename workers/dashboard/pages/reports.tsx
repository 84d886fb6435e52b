/** What other mail services report: who sends in your domains' names (DMARC), and whether they reach the mail server safely (TLS-RPT). */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import {
  failures,
  type Report,
  type ReportSummary,
  reportsOf,
  sources,
  type Tallied,
} from "../../directory/reports.ts";
import type { App } from "../../sign-in/visitor.ts";
import { DayBars, type Layer } from "../charts.tsx";
import { signedIn } from "../guard.tsx";
import { Empty, Head, plural, Time } from "../parts.tsx";
import { myDomains } from "../reader.ts";
import { page } from "../shell.tsx";

export const reportPages = new Hono<App>();
const shownDays = 30;

reportPages.get(
  "/reports",
  signedIn(async (c, visitor) => {
    const domains = await myDomains(c, visitor);
    const names = new Map(domains.map(({ id, name }) => [id, name]));
    const [dmarc, tls] = await reportsOf(c.get("world"), [...names.keys()], shownDays);
    const body = (
      <>
        <Head
          title="Reports"
          says={`What other mail services say about your domains, over the last ${shownDays} days, in UTC.`}
        />
        <Section {...{ summary: dmarc, names }} {...dmarcWords} />
        <Section {...{ summary: tls, names }} {...tlsWords} />
      </>
    );
    return page(c, visitor, { title: "Reports", at: "reports", islands: ["charts"] }, body);
  }),
);

type Words = {
  title: string;
  says: string;
  layers: Layer[];
  table: string;
  named: string;
  empty: string;
  rows: (reports: readonly Report[]) => Tallied[];
};

const dmarcWords: Words = {
  title: "Mail in your names (DMARC)",
  says: "Services that received mail with your domains in its From line say whether it was really yours.",
  layers: [
    { name: "passed", tone: "good" },
    { name: "failed", tone: "bad" },
  ],
  table: "Who sent it",
  named: "Server",
  empty:
    "A domain asks for these reports with “rua=” in its DMARC record. Each says how much mail was seen in the domain's name, from which server, and whether it passed: a server you do not know, with many failures, is a forger, or a service you forgot to allow.",
  rows: sources,
};

const tlsWords: Words = {
  title: "Encrypted delivery (TLS-RPT)",
  says: "Services that sent mail to your domains say whether they reached the mail server over an encrypted connection.",
  layers: [
    { name: "safe", tone: "good" },
    { name: "failed", tone: "bad" },
  ],
  table: "What went wrong",
  named: "Reason",
  empty:
    "A domain asks for these reports with its TLS-RPT record; the domain's DNS page shows it. Failures point to a certificate that has run out, or to somebody on the line.",
  rows: failures,
};

const Section: FC<Words & { summary: ReportSummary | undefined; names: ReadonlyMap<string, string> }> = (props) => {
  const { title, says, summary, layers, table, named, empty, rows, names } = props;
  if (summary === undefined || summary.reports.length === 0)
    return (
      <Empty icon="report" title={`${title}: no report yet`}>
        <p>{empty}</p>
        <p class="small">Reports that come by mail are not read by Postern itself yet.</p>
      </Empty>
    );
  const bars = summary.days.map(({ day, good, bad }) => ({ day, values: [good, bad] }));
  return (
    <section class="stack" aria-label={title}>
      <div class="card stack">
        <div class="stack tight">
          <h2>{title}</h2>
          <p class="soft">{says}</p>
        </div>
        <DayBars bars={bars} layers={layers} />
      </div>
      <div class="columns">
        <Tallies {...{ title: table, named, layers, rows: rows(summary.reports) }} />
        <Received reports={summary.reports} names={names} />
      </div>
    </section>
  );
};

/** RFC 8460 §4.3, in words. */
const tlsReasons: Record<string, string> = {
  "starttls-not-supported": "The mail server did not offer encryption",
  "certificate-host-mismatch": "The certificate is for another name",
  "certificate-expired": "The certificate has run out",
  "certificate-not-trusted": "The certificate is not trusted",
  "validation-failure": "The encrypted connection failed",
  "tlsa-invalid": "The DANE record does not fit the certificate",
  "dnssec-invalid": "The DNS signatures do not hold",
  "dane-required": "DANE was asked for and is not there",
  "sts-policy-fetch-error": "The MTA-STS rule could not be read",
  "sts-policy-invalid": "The MTA-STS rule can't be understood",
  "sts-webpki-invalid": "The certificate does not fit the MTA-STS rule",
};

const mostListed = 10;

const Tallies: FC<{ title: string; named: string; layers: Layer[]; rows: Tallied[] }> = (props) => (
  <div class="card flush">
    <div class="toolbar">
      <h3>{props.title}</h3>
    </div>
    {props.rows.length === 0 && <p class="pager">Nothing to tell.</p>}
    <table>
      <thead>
        <tr>
          <th scope="col">{props.named}</th>
          {props.layers.map(({ name }) => (
            <th scope="col" class="number">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {props.rows.slice(0, mostListed).map(({ name, good, bad }) => (
          <tr>
            <td class="wrap">{tlsReasons[name] ?? name}</td>
            <td class="number">{good.toLocaleString("en")}</td>
            <td class="number">{bad.toLocaleString("en")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

const Received: FC<{ reports: Report[]; names: ReadonlyMap<string, string> }> = ({ reports, names }) => (
  <div class="card flush">
    <div class="toolbar">
      <h3>{plural(reports.length, "report")}</h3>
    </div>
    <table>
      <thead>
        <tr>
          <th scope="col">From</th>
          <th scope="col">About</th>
          <th scope="col">Until</th>
        </tr>
      </thead>
      <tbody>
        {reports.slice(0, mostListed).map((one) => (
          <tr>
            <td class="wrap">{one.org}</td>
            <td class="wrap soft">{names.get(one.domain)}</td>
            <td class="soft nowrap">
              <Time at={one.ends} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);
