/** What a store thread is asked about mailboxes between nodes: the old node's part, the new node's, and what `node.db` remembers of both. */
import type { MailboxRecord } from "../../../core/contract/mailbox.ts";
import type { Carried, CarriedTo } from "../inbox-carry.ts";
import type { Keeper } from "../keeper.ts";
import type { NodeState } from "../node-state.ts";
import type { MoveHead } from "./format.ts";
import type { Staging } from "./staging.ts";

type Thread = { keeper: Keeper; staging: Staging };
type Named = { mailbox: string };

/** On the mailbox's own thread. */
export const moveOperations = {
  async freeze({ keeper }: Thread, { mailbox }: Named): Promise<void> {
    await keeper.freeze(mailbox);
  },
  thaw: ({ keeper }: Thread, { mailbox }: Named) => keeper.thaw(mailbox),
  still({ keeper }: Thread, { mailbox }: Named) {
    const { carriedBytes, waiting } = keeper.stillInbox(mailbox);
    return { carriedBytes, waiting, restored: keeper.isRestored(mailbox) };
  },
  carried: ({ keeper }: Thread, { mailbox, from }: Named & { from: CarriedTo }) =>
    keeper.stillInbox(mailbox).carried(from),

  stageBegin: ({ staging }: Thread, { mailbox }: Named) => staging.begin(mailbox),
  stageTake: ({ staging }: Thread, { mailbox, items }: Named & { items: readonly Carried[] }) =>
    staging.take(mailbox, items),
  stageEnd: ({ staging }: Thread, { mailbox, restored }: Named & { restored: boolean }) =>
    staging.end(mailbox, restored),
  stageDrop: ({ staging }: Thread, { mailbox }: Named) => staging.drop(mailbox),
  install({ staging, keeper }: Thread, { mailbox }: Named): void {
    staging.install(mailbox, () => keeper.erase(mailbox));
    keeper.thaw(mailbox);
  },
  stageTidy: ({ staging }: Thread, { whole }: { whole: readonly string[] }) => staging.tidy(whole),
};

type Node = { node: NodeState | null };

function stateOf({ node }: Node): NodeState {
  if (!node) throw new Error("this thread does not own the node's state");
  return node;
}

/** On the first thread. */
export const moveStateOperations = {
  nodeLeave: (context: Node, { mailbox, move }: Named & { move: string }) => stateOf(context).leave(mailbox, move),
  nodeStay: (context: Node, { mailbox, move }: Named & { move: string }) => stateOf(context).stay(mailbox, move),
  nodeGoneAway: (context: Node, { mailbox, epoch }: Named & { epoch: number }) =>
    stateOf(context).goneAway(mailbox, epoch),
  nodeArrive: (context: Node, { head }: { head: MoveHead }) => stateOf(context).arrive(head),
  nodeForgetArriving: (context: Node, { mailbox }: Named) => stateOf(context).forgetArriving(mailbox),
  nodeSettle: (context: Node, { record, head }: { record: MailboxRecord; head: MoveHead }) =>
    stateOf(context).settle(record, head),
};
