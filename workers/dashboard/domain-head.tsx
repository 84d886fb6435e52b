/** The head of every page about one domain: its name, its state, and the tabs. */
import type { FC } from "hono/jsx";
import type { DomainView } from "../directory/domains.ts";
import { StateBadge } from "./pages/overview.tsx";
import { Head } from "./parts.tsx";

export type Tab = "aliases" | "setup" | "team" | "audit";
const tabs: { at: Tab; path: string; label: string }[] = [
  { at: "aliases", path: "", label: "Aliases" },
  { at: "setup", path: "/setup", label: "Set-up and health" },
  { at: "team", path: "/team", label: "People" },
  { at: "audit", path: "/audit", label: "Log" },
];

export const DomainHead: FC<{ domain: DomainView; at: Tab }> = ({ domain, at }) => (
  <>
    <Head title={domain.name} crumbs={<a href="/domains">Domains</a>}>
      <StateBadge state={domain.state} />
    </Head>
    <nav class="tabs" aria-label={`Pages of ${domain.name}`}>
      {tabs.map((tab) => (
        <a href={`/domains/${domain.id}${tab.path}`} aria-current={tab.at === at ? "page" : undefined}>
          {tab.label}
        </a>
      ))}
    </nav>
  </>
);
