/** The list of domains, and adding one. */
import { type Context, Hono } from "hono";
import type { FC } from "hono/jsx";
import { z } from "zod";
import { foldDomain } from "../../directory/address.ts";
import { addDomain, type DomainView, removeDomain } from "../../directory/domains.ts";
import { type Node, nodes } from "../../directory/nodes.ts";
import { Problem } from "../../directory/problem.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { attempt, formOf, proved, signedIn } from "../guard.tsx";
import { Icon } from "../icons.tsx";
import { Empty, Field, FormToken, fieldAria, Head, plural } from "../parts.tsx";
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
  const name = foldDomain(given.name);
  if (name === null)
    throw new Problem(422, "bad-domain", "Write a domain name, such as example.com.", { field: "name" });
  const node = (await nodes(world)).find((one) => one.id === given.node);
  const active = given.active === "yes" && visitor.account.operator;
  const added = await addDomain(world, visitor.account.id, { name, node: node?.id ?? null, active });
  return added.id;
}

async function listPage(
  c: Context<App>,
  visitor: Visitor,
  shown: { name: string; problem: Problem | null },
): Promise<Response> {
  const [domains, places] = await Promise.all([myDomains(c, visitor), nodes(c.get("world"))]);
  const body = (
    <>
      <Head title="Domains" says="Each domain has its own aliases, mailboxes and people." />
      {domains.length === 0 ? <Nothing /> : <List domains={domains} />}
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

const List: FC<{ domains: DomainView[] }> = ({ domains }) => (
  <div class="card flush">
    <table class="fold-table">
      <thead>
        <tr>
          <th scope="col">Domain</th>
          <th scope="col">State</th>
          <th scope="col">Aliases</th>
          <th scope="col">Mailboxes</th>
          <th scope="col">Your role</th>
        </tr>
      </thead>
      <tbody>
        {domains.map((domain) => (
          <tr>
            <td class="grow">
              <a href={`/domains/${domain.id}`}>
                <strong>{domain.name}</strong>
              </a>
            </td>
            <td>
              <StateBadge state={domain.state} />
            </td>
            <td class="soft">{plural(domain.aliases, "alias", "aliases")}</td>
            <td class="soft">{plural(domain.mailboxes, "mailbox", "mailboxes")}</td>
            <td class="soft">{domain.role}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </div>
);

type AddProps = { visitor: Visitor; places: Node[]; name: string; problem: Problem | null };

const AddForm: FC<AddProps> = ({ visitor, places, name, problem }) => (
  <section class="card" id="add" aria-labelledby="add-title">
    <h2 id="add-title">Add a domain</h2>
    <form method="post" action="/domains" class="stack">
      <FormToken token={visitor.formToken} />
      <div class="columns">
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
        <Field
          id="node"
          label="Mail comes in"
          hint="Choose Cloudflare only for a zone in the operator's own Cloudflare account."
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
      </div>
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
