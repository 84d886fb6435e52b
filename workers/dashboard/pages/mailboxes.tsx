/** The mailboxes of your domains. */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import { z } from "zod";
import { type MailboxLine, mailboxPage } from "../../directory/mailbox-list.ts";
import { type Node, nodes } from "../../directory/nodes.ts";
import type { App } from "../../sign-in/visitor.ts";
import { signedIn } from "../guard.tsx";
import { Icon } from "../icons.tsx";
import { Address, Badge, bytesText, Empty, Head, plural, Time } from "../parts.tsx";
import { myDomains } from "../reader.ts";
import { page } from "../shell.tsx";

export const mailboxPages = new Hono<App>();

/** Keeps the page within 60 KB. */
const pageSize = 50;
const querySchema = z.object({
  text: z.string().trim().max(200).catch(""),
  after: z.string().max(400).optional().catch(undefined),
});
type Query = z.output<typeof querySchema>;
type Found = { rows: MailboxLine[]; next: string | null; total: number };

mailboxPages.get(
  "/mailboxes",
  signedIn(async (c, visitor) => {
    const world = c.get("world");
    const domains = await myDomains(c, visitor);
    const query = querySchema.parse(c.req.query());
    const ids = domains.map((domain) => domain.id);
    const [found, places] = await Promise.all([
      mailboxPage(world, { ...query, domains: ids, limit: pageSize }),
      nodes(world),
    ]);
    const body = (
      <>
        <Head
          title="Mailboxes"
          says="Kept on your node, each in its own encrypted file. Its keys are made by its owner; the operator never has them."
        >
          <a class="button main" href="/mailboxes/new">
            <Icon name="plus" />
            New mailbox
          </a>
        </Head>
        {found.total === 0 && query.text === "" ? <Nothing /> : <List {...{ found, query, places }} />}
      </>
    );
    return page(c, visitor, { title: "Mailboxes", at: "mailboxes" }, body);
  }),
);

const Nothing: FC = () => (
  <Empty icon="mailboxes" title="No mailbox yet">
    <p>
      A mailbox keeps mail here, for any mail app (IMAP or POP3). What arrives is sealed with a key that only its owner
      holds, so whoever runs the servers can't read it.
    </p>
  </Empty>
);

const Search: FC<{ query: Query; total: number }> = ({ query, total }) => (
  <div class="toolbar">
    <search>
      <form method="get" action="/mailboxes" class="row search-form">
        <div class="search">
          <Icon name="search" />
          <input type="search" name="text" value={query.text} placeholder="Address" aria-label="Address" data-search />
        </div>
        <button type="submit">Find</button>
      </form>
    </search>
    <span class="soft small">{plural(total, "mailbox", "mailboxes")}</span>
  </div>
);

/** Up to so many a look finds what a search would. */
const fewMailboxes = 7;

const List: FC<{ found: Found; query: Query; places: Node[] }> = ({ found, query, places }) => (
  <div class="card flush">
    {(found.total > fewMailboxes || query.text !== "") && <Search query={query} total={found.total} />}
    <table class="fold-table">
      <thead>
        <tr>
          <th scope="col">Mailbox</th>
          <th scope="col">Used</th>
          <th scope="col">Waiting</th>
          <th scope="col">Node</th>
          <th scope="col">Since</th>
        </tr>
      </thead>
      <tbody>
        {found.rows.map((box) => (
          <tr>
            <td class="grow">
              <a href={`/mailboxes/${box.id}`}>
                <Address text={box.address} />
              </a>{" "}
              {box.appliedRevision < box.revision && <Badge tone="warn">node not told yet</Badge>}
            </td>
            <td class="nowrap">
              {bytesText(box.usedBytes)} <span class="soft">of {bytesText(box.quotaBytes)}</span>
            </td>
            <td class="soft nowrap">{box.waiting === 0 ? "nothing" : plural(box.waiting, "message")}</td>
            <td class="soft">{places.find((node) => node.id === box.node)?.name ?? box.node}</td>
            <td class="soft nowrap">
              <Time at={box.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
    {found.rows.length === 0 && <p class="pager">No mailbox matches.</p>}
    {(found.next !== null || query.after !== undefined) && (
      <div class="pager">
        {query.after === undefined ? <span /> : <a href={at(query.text, null)}>First page</a>}
        {found.next !== null && (
          <a href={at(query.text, found.next)} rel="next">
            Next page
          </a>
        )}
      </div>
    )}
  </div>
);

function at(text: string, after: string | null): string {
  return `?${new URLSearchParams({ ...(text === "" ? {} : { text }), ...(after === null ? {} : { after }) })}`;
}
