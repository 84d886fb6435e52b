/** Nodes, for the operator: whether each is there, how far behind it is, how far copies of it reach, what the edge keeps for it. */
import { type Context, Hono } from "hono";
import type { Child, FC } from "hono/jsx";
import { z } from "zod";
import { nodeInput } from "../../api/shapes.ts";
import { moveTroubles } from "../../directory/move-troubles.ts";
import { healthOf, seconds, type Trouble, troublesOf } from "../../directory/node-health.ts";
import { enrolNode, type NewNode, type Node, nodes } from "../../directory/nodes.ts";
import { Problem } from "../../directory/problem.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { attempt, formOf, proved, signedIn } from "../guard.tsx";
import { Badge, bytesText, Empty, Field, FormToken, fieldAria, Head, plural, Time } from "../parts.tsx";
import { page } from "../shell.tsx";

export const nodePages = new Hono<App>();

nodePages.get(
  "/nodes",
  signedIn(async (c, visitor) => {
    if (!visitor.account.operator) throw new Problem(404, "not-found", "There is no such page.");
    return nodesPage(c, visitor, { given: "", problem: null });
  }),
);

/** One line of JSON, as `postern new-node` prints it: whoever enrols a node hands mail over to it. */
nodePages.post(
  "/nodes",
  proved(async (c, me) => {
    if (!me.account.operator) throw new Problem(404, "not-found", "There is no such page.");
    const { node } = await formOf(c, me, z.object({ node: z.string().max(5000) }));
    const tried = await attempt(() => enrolNode(c.get("world"), readNode(node)));
    if (!tried.ok) return nodesPage(c, me, { given: node, problem: tried.problem });
    return c.redirect("/nodes?done=node-enrolled", 303);
  }),
);

function readNode(text: string): NewNode {
  try {
    return nodeInput.parse(JSON.parse(text));
  } catch {
    throw new Problem(422, "bad-node", "This is not what “postern new-node” prints.", { field: "node" });
  }
}

type Form = { given: string; problem: Problem | null };

async function nodesPage(c: Context<App>, visitor: Visitor, form: Form): Promise<Response> {
  const world = c.get("world");
  const [all, moving] = await Promise.all([nodes(world), moveTroubles(world)]);
  const ill = new Map(all.map((node) => [node.id, troublesOf(node, world.clock(), moving)]));
  const view = <NodesView visitor={visitor} nodes={all} troubles={ill} form={form} />;
  return page(c, visitor, { title: "Nodes", at: "nodes", status: form.problem === null ? 200 : 422 }, view);
}

type Props = { visitor: Visitor; nodes: Node[]; troubles: ReadonlyMap<string, Trouble[]>; form: Form };

const NodesView: FC<Props> = ({ visitor, nodes: all, troubles, form }) => (
  <>
    <Head title="Nodes" says="The machines that keep mail, as the edge knows them.">
      {all.length > 1 && (
        <a class="button" href="/moves">
          Move a mailbox
        </a>
      )}
    </Head>
    {all.length === 0 && (
      <Empty icon="device" title="No node yet">
        <p>
          <code>postern new-node</code> prepares a machine and prints what the form below takes.
        </p>
      </Empty>
    )}
    {all.map((node) => (
      <NodeCard node={node} troubles={troubles.get(node.id) ?? []} />
    ))}
    <Enrol visitor={visitor} form={form} />
  </>
);

const Enrol: FC<{ visitor: Visitor; form: Form }> = ({ visitor, form: { given, problem } }) => (
  <section class="card stack" aria-labelledby="enrol">
    <h2 id="enrol">Enrol a node</h2>
    <form method="post" action="/nodes" class="stack">
      <FormToken token={visitor.formToken} />
      <Field
        id="node"
        label="What it is"
        hint="The line that “postern new-node” printed. One that is enrolled already moves to where this says."
        wrong={problem?.detail ?? null}
      >
        <textarea
          id="node"
          name="node"
          class="mono"
          rows={5}
          required
          maxlength={5000}
          spellcheck={false}
          {...fieldAria("node", { hint: true, wrong: problem !== null })}
        >
          {given}
        </textarea>
      </Field>
      <div>
        <button type="submit">Enrol it</button>
      </div>
    </form>
  </section>
);

const NodeCard: FC<{ node: Node; troubles: readonly Trouble[] }> = ({ node, troubles }) => {
  return (
    <section class="card stack" aria-labelledby={`node-${node.id}`}>
      <div class="row">
        <h2 id={`node-${node.id}`}>{node.name}</h2>
        {node.state === "active" && troubles.length === 0 && <Badge tone="pass">well</Badge>}
        {node.state !== "active" && <Badge tone="quiet">{node.state === "gone" ? "out of service" : "draining"}</Badge>}
      </div>
      <Troubles of={troubles} />
      <Facts node={node} />
    </section>
  );
};

export const Troubles: FC<{ of: readonly Trouble[] }> = ({ of }) =>
  of.length === 0 ? null : (
    <ul class="stack tight">
      {of.map(({ tone, says, since }) => (
        <li>
          <Badge tone={tone}>{tone === "fail" ? "trouble" : "look"}</Badge> {says}
          {since !== null && (
            <>
              {" "}
              <Time at={since} />
            </>
          )}
        </li>
      ))}
    </ul>
  );

const Facts: FC<{ node: Node }> = ({ node }) => {
  const { version, relayWaiting, diskFreeBytes, clockSkewMs, spool, backup, kept } = healthOf(node);
  const nothing = "not known yet";
  return (
    <dl class="facts">
      <Fact name="Host" value={<span class="mono">{node.mxHost}</span>} />
      <Fact name="Last heard of" value={node.lastSeenAt === null ? "never" : <Time at={node.lastSeenAt} />} />
      <Fact name="Version" value={version ?? nothing} />
      <Fact name="At the edge" value={spool === null ? nothing : waitingWords(spool)} />
      <Fact name="On its way out" value={relayWaiting === null ? nothing : plural(relayWaiting, "message")} />
      <Fact name="Copies reach to" value={<Reach backup={backup} />} />
      <Fact
        name="Kept until copied"
        value={kept === null ? nothing : `${plural(kept.count, "message")}, ${bytesText(kept.bytes)}`}
      />
      <Fact name="Disk free" value={diskFreeBytes === null ? nothing : bytesText(diskFreeBytes)} />
      <Fact name="Clock" value={clockSkewMs === null ? nothing : clockWords(clockSkewMs)} />
    </dl>
  );
};

const Fact: FC<{ name: string; value: Child }> = ({ name, value }) => (
  <>
    <dt>{name}</dt>
    <dd>{value}</dd>
  </>
);

const Reach: FC<{ backup: ReturnType<typeof healthOf>["backup"] }> = ({ backup }) => {
  if (backup === null) return <>no copies are made</>;
  return backup.until === 0 ? <>none made yet</> : <Time at={backup.until} />;
};

function waitingWords({ waiting, parked }: { waiting: number; parked: number }): string {
  if (waiting === 0 && parked === 0) return "nothing waits";
  return `${plural(waiting, "message waits", "messages wait")}${parked > 0 ? `, ${parked} given up` : ""}`;
}

function clockWords(skewMs: number): string {
  if (Math.abs(skewMs) < 1000) return "agrees with the edge's";
  return `${seconds(skewMs)} ${skewMs > 0 ? "ahead of" : "behind"} the edge's`;
}
