/** The head of every page about one domain: its name, its state, and the tabs. */
import type { FC } from "hono/jsx";
import { unicodeName } from "../../src/core/rules/unicode-name.ts";
import type { DomainView } from "../directory/domains.ts";
import { StateBadge } from "./pages/overview.tsx";
import { Head, Notice } from "./parts.tsx";

const tabs = [
  { at: "aliases", path: "", label: "Aliases" },
  { at: "senders", path: "/senders", label: "Senders" },
  { at: "webhooks", path: "/webhooks", label: "Webhooks" },
  { at: "explain", path: "/explain", label: "Explain" },
  { at: "transfer", path: "/transfer", label: "Import" },
  { at: "setup", path: "/setup", label: "DNS" },
  { at: "txt", path: "/txt", label: "TXT" },
  { at: "team", path: "/team", label: "People" },
  { at: "audit", path: "/audit", label: "Log" },
] as const;
export type Tab = (typeof tabs)[number]["at"];

export const DomainHead: FC<{ domain: DomainView; at: Tab }> = ({ domain, at }) => (
  <>
    <Head title={unicodeName(domain.name)} crumbs={<a href="/domains">Domains</a>}>
      <span data-domain-state>
        <StateBadge state={domain.state} />
      </span>
    </Head>
    <nav class="tabs" aria-label={`Pages of ${domain.name}`}>
      {tabs.map((tab) => (
        <a href={`/domains/${domain.id}${tab.path}`} aria-current={tab.at === at ? "page" : undefined}>
          {tab.label}
        </a>
      ))}
    </nav>
    {domain.state === "pending" && at !== "setup" && (
      <Notice tone="warn">
        {unicodeName(domain.name)} does not receive mail yet.{" "}
        <a href={`/domains/${domain.id}/setup`}>Finish setting it up</a>
      </Notice>
    )}
  </>
);
