/** A domain's aliases as a table: search, bulk bar, where each goes and whether it gets there. */
import type { FC } from "hono/jsx";
import { consentOf } from "../../src/core/rules/standing.ts";
import { roleAtLeast } from "../api/row.ts";
import type { AliasQuery, AliasSort } from "../directory/alias-list.ts";
import type { Alias } from "../directory/aliases.ts";
import type { Destination } from "../directory/destinations.ts";
import type { DomainView } from "../directory/domains.ts";
import { AddForm, type EditorProps } from "./alias-editor.tsx";
import { spelledTarget } from "./alias-form.ts";
import { DomainHead } from "./domain-head.tsx";
import { Icon, type IconName } from "./icons.tsx";
import { Address, Badge, Confirm, Empty, FormToken, Notice, plural } from "./parts.tsx";

type ListProps = EditorProps & {
  names: ReadonlyMap<string, string>;
  /** Addresses whose owner has not said yes. */
  waiting: ReadonlySet<string>;
  found: { rows: Alias[]; next: string | null; total: number };
  query: AliasQuery;
  /** Why a change of many was not made. */
  trouble: string | null;
};

export const AliasesView: FC<ListProps> = (props) => {
  const { domain, found, query, visitor } = props;
  const may = roleAtLeast(domain.role, "admin");
  const narrowed = query.text !== undefined || query.state !== undefined || query.kind !== undefined;
  return (
    <>
      <DomainHead domain={domain} at="aliases" />
      {props.trouble && (
        <div role="alert">
          <Notice tone="fail">{props.trouble}</Notice>
        </div>
      )}
      {may && <AddForm {...props} />}
      {found.total === 0 && !narrowed ? (
        <Empty icon="forward" title="No alias yet">
          <p>
            An alias is an address of {domain.name} that sends its mail on: to an inbox you already have, or to a
            mailbox kept here. Make one for every shop and newsletter; switch it off when it turns into spam.
          </p>
        </Empty>
      ) : (
        <div class="card flush">
          <Toolbar {...{ query, total: found.total, domain, may, more: found.total > found.rows.length }} />
          <form id="bulk" method="post" action={`/domains/${domain.id}/bulk`}>
            <FormToken token={visitor.formToken} />
            <input type="hidden" name="back" value={queryOf(query)} />
          </form>
          <Table {...props} may={may} />
          {found.total <= fewAliases && !narrowed && (
            <p class="pager">
              <span>
                Send a message to one of these addresses, and{" "}
                <a href={`/domains/${domain.id}/setup#test`}>watch it arrive</a>.
              </span>
            </p>
          )}
          <Pager found={found} query={query} />
        </div>
      )}
    </>
  );
};

/** Somebody who has only just begun. */
const fewAliases = 2;

type ToolbarProps = { query: AliasQuery; total: number; domain: DomainView; may: boolean; more: boolean };

/** `more`: the list goes on over other pages. */
const Toolbar: FC<ToolbarProps> = ({ query, total, domain, may, more }) => (
  <div class="toolbar">
    <search>
      <form method="get" action={`/domains/${domain.id}`} class="row search-form">
        <div class="search">
          <Icon name="search" />
          <input
            type="search"
            name="text"
            value={query.text ?? ""}
            placeholder="Search"
            aria-label="Search pattern, note or destination"
            data-search
          />
        </div>
        <select name="state" aria-label="State">
          <option value="">All</option>
          <option value="active" selected={query.state === "active"}>
            On
          </option>
          <option value="disabled" selected={query.state === "disabled"}>
            Off
          </option>
        </select>
        <select name="kind" aria-label="Kind">
          <option value="">Any kind</option>
          {kinds.map(([kind, says]) => (
            <option value={kind} selected={query.kind === kind}>
              {says}
            </option>
          ))}
        </select>
        <select name="sort" aria-label="Order">
          {sorts.map(([sort, says]) => (
            <option value={sort} selected={(query.sort ?? "alias") === sort}>
              {says}
            </option>
          ))}
        </select>
        <button type="submit">Find</button>
      </form>
    </search>
    <div class="row">
      <span class="soft small" aria-live="polite" data-alias-said />
      <span class="soft small">{plural(total, "alias", "aliases")}</span>
      {may && (
        <div class="row" data-bulk-bar>
          {/* What Enter in the field below means: a form's first button, which would else switch all of them on. */}
          <button form="bulk" name="act" value="redirect" type="submit" hidden />
          {more && (
            <label class="row small">
              <input type="checkbox" form="bulk" name="whole" value="yes" data-whole={total} />
              all {total.toLocaleString("en")}, on every page
            </label>
          )}
          <button class="small-button" form="bulk" name="act" value="enable" type="submit">
            Switch on
          </button>
          <button class="small-button" form="bulk" name="act" value="disable" type="submit">
            Switch off
          </button>
          <Confirm label="Send elsewhere" ask="All of them get this destination, in place of those they have:">
            <input
              class="mono"
              form="bulk"
              name="to"
              list="mailboxes"
              placeholder="you@example.com"
              aria-label="New destination"
              maxlength={5000}
              autocapitalize="none"
              spellcheck={false}
            />
            <button form="bulk" name="act" value="redirect" type="submit">
              <span>
                Send <span data-ticked>them</span> there
              </span>
            </button>
          </Confirm>
          <Confirm label="Delete" ask="Mail to them is refused from then on. This can't be taken back.">
            <button class="danger" form="bulk" name="act" value="delete" type="submit">
              <span>
                Delete <span data-ticked>them</span>
              </span>
            </button>
          </Confirm>
        </div>
      )}
    </div>
  </div>
);

const kinds: [Alias["kind"], string][] = [
  ["exact", "Addresses"],
  ["wildcard", "Patterns with *"],
  ["regex", "Regular expressions"],
  ["catch-all", "Catch-all"],
];
const sorts: [AliasSort, string][] = [
  ["alias", "A to Z"],
  ["newest", "Newest first"],
  ["changed", "Last changed first"],
];

const Table: FC<ListProps & { may: boolean }> = ({ domain, found, names, waiting, may }) => {
  return (
    <table class="fold-table">
      <thead>
        <tr>
          {may && (
            <th class="tick">
              <input type="checkbox" data-tick-all aria-label="Tick all" hidden />
            </th>
          )}
          <th scope="col">Alias</th>
          <th scope="col">Goes to</th>
          <th scope="col">State</th>
          <th scope="col">
            <span class="out-of-sight">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {found.rows.map((alias) => (
          <Row {...{ alias, domain, names, waiting, may }} />
        ))}
      </tbody>
    </table>
  );
};

const longestNote = 160;
/** All of it stands on the alias's own page. */
export function noteShown(note: string): string {
  return note.length > longestNote ? `${note.slice(0, longestNote - 1).trimEnd()}…` : note;
}

type RowProps = Pick<ListProps, "domain" | "names" | "waiting"> & { alias: Alias; may: boolean };

const Row: FC<RowProps> = ({ alias, domain, names, waiting, may }) => {
  const name = spelled(alias, domain);
  return (
    <tr class={alias.state === "disabled" ? "off" : undefined} data-alias={alias.id}>
      {may && (
        <td class="tick">
          <input type="checkbox" form="bulk" name="ids" value={alias.id} aria-label={`Tick ${name}`} data-tick />
        </td>
      )}
      <td class="grow">
        <Address text={name} /> {alias.kind !== "exact" && <span class="tag">{alias.kind}</span>}
        {alias.labels.map((label) => (
          <>
            {" "}
            <span class="tag">{label}</span>
          </>
        ))}
        {alias.note !== "" && <div class="soft small">{noteShown(alias.note)}</div>}
      </td>
      <td class="wide-cell">
        <ul class="to-list">
          {alias.destinations.map((one) => (
            <Target one={one} names={names} waiting={waiting.has(consentOf(one) ?? "")} />
          ))}
        </ul>
      </td>
      <td>{alias.state === "active" ? <Badge tone="pass">On</Badge> : <Badge tone="quiet">Off</Badge>}</td>
      <td class="acts">{may && <Acts alias={alias} domain={domain} name={name} />}</td>
    </tr>
  );
};

const Acts: FC<{ alias: Alias; domain: DomainView; name: string }> = ({ alias, domain, name }) => {
  const [act, label] = alias.state === "active" ? ["disable", "Switch off"] : ["enable", "Switch on"];
  return (
    <div class="row">
      <a class="button plain small-button" href={`/domains/${domain.id}/aliases/${alias.id}`} data-inline>
        Edit<span class="out-of-sight"> {name}</span>
      </a>
      <button class="plain small-button" form="bulk" name="one" value={`${act}:${alias.id}`} type="submit">
        {label}
        <span class="out-of-sight"> {name}</span>
      </button>
    </div>
  );
};

const icons: Record<Destination["kind"], [IconName, string]> = {
  mailbox: ["mailboxes", "mailbox"],
  address: ["arrow", "forward to"],
  domain: ["arrow", "the same address at"],
  webhook: ["hook", "webhook"],
  alias: ["arrow", "alias"],
};

const Target: FC<{ one: Destination; names: ReadonlyMap<string, string>; waiting: boolean }> = ({
  one,
  names,
  waiting,
}) => {
  const [icon, says] = icons[one.kind];
  return (
    <li>
      <Icon name={icon} />
      <span class="out-of-sight">{says}</span>
      <Address text={spelledTarget(one, names)} />
      {waiting && (
        <Badge tone="warn" title="A link was mailed to this address. Mail is forwarded once its owner has said yes.">
          waits for a yes
        </Badge>
      )}
      {one.pausedAt !== null && (
        <Badge tone="warn" title={one.trouble}>
          paused
        </Badge>
      )}
    </li>
  );
};

/** The list as it is narrowed and ordered now, as an address says it. */
export function queryOf({ text, state, kind, sort, after }: Omit<AliasQuery, "limit">): string {
  const rest = new URLSearchParams();
  for (const [name, value] of Object.entries({ text, state, kind, sort, after }))
    if (value !== undefined) rest.set(name, value);
  return rest.toString();
}

const Pager: FC<{ found: ListProps["found"]; query: AliasQuery }> = ({ found, query }) => {
  if (found.rows.length === 0) return <p class="pager">No alias matches.</p>;
  if (found.next === null && query.after === undefined) return null;
  const first = queryOf({ ...query, after: undefined });
  const rest = queryOf({ ...query, after: found.next ?? undefined });
  return (
    <div class="pager">
      {query.after === undefined ? <span /> : <a href={`?${first}`}>First page</a>}
      {found.next !== null && (
        <a href={`?${rest}`} rel="next">
          Next page
        </a>
      )}
    </div>
  );
};

function spelled(alias: Alias, domain: DomainView): string {
  return alias.kind === "regex" ? `/${alias.pattern}/@${domain.name}` : `${alias.pattern}@${domain.name}`;
}
