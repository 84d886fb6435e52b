/** Moves of mailboxes between nodes, for the operator: asking for one, and how each stands. */
import type { FC } from "hono/jsx";
import type { MoveView } from "../directory/moves.ts";
import type { Node } from "../directory/nodes.ts";
import type { Problem } from "../directory/problem.ts";
import { Act, type Me } from "./act.tsx";
import { Address, Badge, Confirm, Empty, Field, fieldAria, Head, Time } from "./parts.tsx";
import type { Tone } from "./words.ts";

type Props = {
  me: Me;
  moves: readonly MoveView[];
  nodes: readonly Node[];
  typed: { address: string; node: string };
  problem: Problem | null;
};

export const MovesView: FC<Props> = ({ me, moves, nodes, typed, problem }) => (
  <>
    <Head
      title="Moves"
      crumbs={<a href="/nodes">Nodes</a>}
      says="A mailbox goes to another node with its mail, its folders and its flags. Only the nodes see it, and only as ciphertext."
    />
    <section class="card stack" aria-labelledby="ask">
      <h2 id="ask">Move a mailbox</h2>
      <p class="soft">
        From the moment it begins nobody can log in to it; mail that arrives waits here. When it is over, mail programs
        need the new node's server name: the mailbox's page shows their settings.
      </p>
      <Ask {...{ me, nodes, typed, problem }} />
    </section>
    {moves.length === 0 ? (
      <Empty icon="mailboxes" title="No mailbox was moved yet" />
    ) : (
      <section class="card stack" aria-labelledby="moves">
        <h2 id="moves">Latest moves</h2>
        <ul class="lines">
          {moves.map((move) => (
            <Line me={me} move={move} />
          ))}
        </ul>
      </section>
    )}
  </>
);

const Ask: FC<Pick<Props, "me" | "nodes" | "typed" | "problem">> = ({ me, nodes, typed, problem }) => {
  const wrong = (field: string): string | null => (problem?.field === field ? problem.detail : null);
  return (
    <Act me={me} to="/moves">
      {problem !== null && problem.field === null && <p class="wrong">{problem.detail}</p>}
      <Field id="address" label="Its address" wrong={wrong("address")}>
        <input
          id="address"
          name="address"
          class="mono"
          value={typed.address}
          required
          maxlength={320}
          autocomplete="off"
          autocapitalize="none"
          spellcheck={false}
          {...fieldAria("address", { wrong: wrong("address") !== null })}
        />
      </Field>
      <Field id="node" label="To node" wrong={wrong("node")}>
        <select id="node" name="node" required {...fieldAria("node", { wrong: wrong("node") !== null })}>
          <option value="">Choose a node</option>
          {nodes.map((node) => (
            <option value={node.id} selected={node.id === typed.node}>
              {node.name} ({node.mxHost})
            </option>
          ))}
        </select>
      </Field>
      <div class="row">
        <button type="submit">Move it</button>
      </div>
    </Act>
  );
};

const words: Record<MoveView["state"], { tone: Tone; text: string }> = {
  asked: { tone: "warn", text: "on its way" },
  moved: { tone: "pass", text: "moved" },
  cancelled: { tone: "quiet", text: "cancelled" },
};

const Line: FC<{ me: Me; move: MoveView }> = ({ me, move }) => (
  <li>
    <div>
      <strong>
        <Address text={move.address} />
      </strong>{" "}
      <Badge tone={words[move.state].tone}>{words[move.state].text}</Badge>
      <p class="soft">
        From {move.source} to {move.target}, <Time at={move.endedAt ?? move.askedAt} />
      </p>
      {move.trouble !== "" && (
        <p>
          {sentence(move.trouble)} {move.state === "asked" && "It is tried again until you cancel it."}
        </p>
      )}
    </div>
    {move.state === "asked" && (
      <Confirm label="Cancel" ask="The mailbox stays where it is, and people can log in again within half a minute.">
        <Act me={me} to={`/moves/${move.id}/cancel`} class="row">
          <button type="submit">Cancel this move</button>
        </Act>
      </Confirm>
    )}
  </li>
);

function sentence(text: string): string {
  const begun = `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
  return begun.endsWith(".") ? begun : `${begun}.`;
}
