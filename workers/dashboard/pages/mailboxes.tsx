/** The mailboxes of your domains. */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import { type Mailbox, mailboxesOf } from "../../directory/mailboxes.ts";
import { type Node, nodes } from "../../directory/nodes.ts";
import type { App } from "../../sign-in/visitor.ts";
import { signedIn } from "../guard.tsx";
import { Icon } from "../icons.tsx";
import { Address, Badge, bytesText, Empty, Head, plural, Time } from "../parts.tsx";
import { myDomains } from "../reader.ts";
import { page } from "../shell.tsx";

export const mailboxPages = new Hono<App>();

mailboxPages.get(
  "/mailboxes",
  signedIn(async (c, visitor) => {
    const world = c.get("world");
    const domains = await myDomains(c, visitor);
    const [boxes, places] = await Promise.all([
      mailboxesOf(
        world,
        domains.map((domain) => domain.id),
      ),
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
        {boxes.length === 0 ? <Nothing /> : <List boxes={boxes} places={places} />}
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

const List: FC<{ boxes: Mailbox[]; places: Node[] }> = ({ boxes, places }) => (
  <div class="card flush">
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
        {boxes.map((box) => (
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
  </div>
);
