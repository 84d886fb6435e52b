/** The list of domains, and adding one. */
import { type Context, Hono } from "hono";
import type { FC } from "hono/jsx";
import { z } from "zod";
import { unicodeName } from "../../../src/core/rules/unicode-name.ts";
import { foldDomain } from "../../directory/address.ts";
import { type DnsState, dnsStates } from "../../directory/dns-state.ts";
import { addDomain, type DomainView, removeDomain } from "../../directory/domains.ts";
import { type Node, nodes } from "../../directory/nodes.ts";
import { Problem } from "../../directory/problem.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { attempt, formOf, proved, signedIn } from "../guard.tsx";
import { Icon } from "../icons.tsx";
import { Badge, Empty, Field, FormToken, fieldAria, Head, plural } from "../parts.tsx";
import { domainHere, myDomains } from "../reader.ts";
import { page } from "../shell.tsx";
import { StateBadge } from "./overview.tsx";

export const domainPages = new Hono<App>();

const form = z.object({
  name: z.string().max(253),
  node: z.string().max(64).default(""),
  active: z.literal("yes").optional(),
});

domainPages.get(
  "/domains",
  signedIn((c, visitor) => listPage(c, visitor, { name: "", problem: null })),
);

domainPages.post(
  "/domains",
  signedIn(async (c, visitor) => {
    const given = await formOf(c, visitor, form);
    const tried = await attempt(() => add(c, visitor, given));
    if (!tried.ok) return listPage(c, visitor, { name: given.name, problem: tried.problem });
    return c.redirect(`/domains/${tried.value}/setup?done=domain-added`, 303);
  }),
);

domainPages.post(
  "/domains/:domain/remove",
  proved(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "owner");
    await formOf(c, visitor, z.object({}));
    await removeDomain(c.get("world"), domain);
    return c.redirect("/domains?done=domain-removed", 303);
  }),
);

async function add(c: Context<App>, visitor: Visitor, given: z.output<typeof form>): Promise<string> {
  const world = c.get("world");
  const name = foldDomain(domainIn(given.name));
  if (name === null)
    throw new Problem(422, "bad-domain", "Write a domain name, such as example.com.", { field: "name" });
  const node = (await nodes(world)).find((one) => one.id === given.node);
  const active = given.active === "yes" && visitor.account.operator;
  const added = await addDomain(world, visitor.account.id, { name, node: node?.id ?? null, active });
  return added.id;
}

/** What people paste: an address out of the browser's bar, or somebody's e-mail address. */
function domainIn(typed: string): string {
  const [, host] = /^\s*https?:\/\/(?:www\.)?([^/?#:]+)/i.exec(typed) ?? [];
  return host ?? typed.slice(typed.lastIndexOf("@") + 1).trim();
}

const querySchema = z.object({
  text: z.string().max(253).default("").catch(""),
  state: z.enum(["active", "pending", "disabled", "care"]).optional().catch(undefined),
  from: z.coerce.number().int().min(0).max(100_000).default(0).catch(0),
});
type Query = z.output<typeof querySchema>;

async function listPage(
  c: Context<App>,
  visitor: Visitor,
  shown: { name: string; problem: Problem | null },
): Promise<Response> {
  const [domains, places] = await Promise.all([myDomains(c, visitor), nodes(c.get("world"))]);
  const dns = await dnsStates(
    c.get("world"),
    domains.map((domain) => domain.id),
  );
  const query = querySchema.parse(c.req.query());
  const body = (
    <>
      <Head title="Domains" says="Each domain has its own aliases, mailboxes and people.">
        {domains.length > 0 && (
          <a class="button" href="#add">
            <Icon name="plus" />
            Add a domain
          </a>
        )}
      </Head>
      {domains.length === 0 ? <Nothing /> : <List {...{ domains, dns, query }} />}
      <AddForm visitor={visitor} places={places} {...shown} />
    </>
  );
  return page(c, visitor, { title: "Domains", at: "domains", status: shown.problem === null ? 200 : 422 }, body);
}

const Nothing: FC = () => (
  <Empty icon="domains" title="No domain yet">
    <p>
      Any domain you own will do, wherever it is registered and whoever runs its DNS. Its website is not touched: only
      the records that say where mail goes.
    </p>
  </Empty>
);

type ListProps = { domains: DomainView[]; dns: ReadonlyMap<string, DnsState>; query: Query };

const List: FC<ListProps> = ({ domains, dns, query }) => {
  const found = domains.filter((domain) => fits(domain, dns.get(domain.id), query));
  const shown = found.slice(query.from, query.from + pageSize);
  return (
    <div class="card flush">
      {domains.length > fewDomains && <Filter query={query} shown={found.length} all={domains.length} />}
      <table class="fold-table">
        <thead>
          <tr>
            <th scope="col">Domain</th>
            <th scope="col">State</th>
            <th scope="col">DNS</th>
            <th scope="col" class="number">
              Aliases
            </th>
            <th scope="col" class="number">
              Mailboxes
            </th>
            <th scope="col">Your role</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((domain) => (
            <Line domain={domain} dns={dns.get(domain.id)} />
          ))}
        </tbody>
      </table>
      {shown.length === 0 && <p class="pager">No domain matches.</p>}
      <Pager query={query} found={found.length} />
    </div>
  );
};

/** Keeps the page within 60 KB. */
const pageSize = 60;

const Pager: FC<{ query: Query; found: number }> = ({ query, found }) => {
  if (found <= pageSize) return null;
  const at = (from: number): string =>
    `?${new URLSearchParams({ text: query.text, state: query.state ?? "", from: String(from) })}`;
  return (
    <div class="pager">
      {query.from === 0 ? <span /> : <a href={at(Math.max(0, query.from - pageSize))}>Previous page</a>}
      {query.from + pageSize < found && (
        <a href={at(query.from + pageSize)} rel="next">
          Next page
        </a>
      )}
    </div>
  );
};

/** Up to so many a look finds what a search would. */
const fewDomains = 7;

function fits(domain: DomainView, dns: DnsState | undefined, { text, state }: Query): boolean {
  const wanted = text.trim().toLowerCase();
  const named = domain.name.includes(wanted) || unicodeName(domain.name).includes(wanted);
  if (state === "care") return named && (domain.state !== "active" || (dns?.faults.length ?? 0) > 0);
  return named && (state === undefined || domain.state === state);
}

const states = [
  ["active", "Receiving"],
  ["pending", "Not proven yet"],
  ["disabled", "Switched off"],
  ["care", "Needs attention"],
] as const;

const Filter: FC<{ query: Query; shown: number; all: number }> = ({ query, shown, all }) => (
  <div class="toolbar">
    <search>
      <form method="get" action="/domains" class="row search-form">
        <div class="search">
          <Icon name="search" />
          <input type="search" name="text" value={query.text} placeholder="Search" aria-label="Domain" data-search />
        </div>
        <select name="state" aria-label="State">
          <option value="">Any state</option>
          {states.map(([state, says]) => (
            <option value={state} selected={query.state === state}>
              {says}
            </option>
          ))}
        </select>
        <button type="submit">Find</button>
      </form>
    </search>
    <span class="soft small">{shown === all ? plural(all, "domain") : `${shown} of ${plural(all, "domain")}`}</span>
  </div>
);

const Line: FC<{ domain: DomainView; dns: DnsState | undefined }> = ({ domain, dns }) => (
  <tr>
    <td class="grow">
      <a class="strong" href={`/domains/${domain.id}`}>
        {unicodeName(domain.name)}
      </a>
    </td>
    <td>
      <StateBadge state={domain.state} />
    </td>
    <td>
      <DnsBadge domain={domain} dns={dns} />
    </td>
    <Count n={domain.aliases} of={plural(domain.aliases, "alias", "aliases")} />
    <Count n={domain.mailboxes} of={plural(domain.mailboxes, "mailbox", "mailboxes")} />
    <td class="soft">{domain.role}</td>
  </tr>
);

/** A number under its heading; with its word where the table is folded and the heading is not seen. */
const Count: FC<{ n: number; of: string }> = ({ n, of }) => (
  <td class="number">
    <span class="when-wide">{n === 0 ? <span class="soft">0</span> : n.toLocaleString("en")}</span>
    <span class="when-folded soft" aria-hidden="true">
      {of}
    </span>
  </td>
);

const DnsBadge: FC<{ domain: DomainView; dns: DnsState | undefined }> = ({ domain, dns }) => {
  const href = `/domains/${domain.id}/setup`;
  if (dns === undefined)
    return (
      <a class="soft small" href={href}>
        not looked at yet
      </a>
    );
  if (dns.faults.length === 0) return <Badge tone="pass">right</Badge>;
  return (
    <a class="bare" href={href}>
      <Badge tone="warn" title={dns.faults.join(", ")}>
        {dns.faults.length} to fix
      </Badge>
    </a>
  );
};

type AddProps = { visitor: Visitor; places: Node[]; name: string; problem: Problem | null };

const AddForm: FC<AddProps> = ({ visitor, places, name, problem }) => (
  <section class="card" id="add" aria-labelledby="add-title">
    <h2 id="add-title">Add a domain</h2>
    <form method="post" action="/domains" class="stack">
      <FormToken token={visitor.formToken} />
      <Field id="name" label="Domain name" wrong={problem?.detail ?? null}>
        <input
          id="name"
          name="name"
          class="mono"
          placeholder="example.com"
          value={name}
          required
          maxlength={253}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          {...fieldAria("name", { wrong: problem !== null })}
        />
      </Field>
      <WhereItComesIn places={places} />
      {visitor.account.operator && (
        <label class="row">
          <input type="checkbox" name="active" value="yes" />
          Receive at once, without the owner's record (you are the operator)
        </label>
      )}
      <div>
        <button class="main" type="submit">
          <Icon name="plus" />
          Add domain
        </button>
      </div>
    </form>
  </section>
);

/** Behind a fold: what stands first is right for nearly everybody. */
const WhereItComesIn: FC<{ places: Node[] }> = ({ places }) => (
  <details>
    <summary>
      Mail comes in {places[0] === undefined ? "by Cloudflare Email Routing" : `at ${places[0].mxHost}`}
    </summary>
    <Field
      id="node"
      label="Mail comes in"
      hint="Choose Cloudflare Email Routing only for a zone in the Cloudflare account of whoever runs this service. It can be changed later."
    >
      <select id="node" name="node" {...fieldAria("node", { hint: true })}>
        {places.map((node) => (
          <option value={node.id}>
            at {node.mxHost} ({node.name})
          </option>
        ))}
        <option value="">by Cloudflare Email Routing</option>
      </select>
    </Field>
  </details>
);
