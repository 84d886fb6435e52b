/**
 * `postern mailbox …`: what a mailbox's owner, or an operator, does without a browser. `add` makes its keys here, on the owner's own machine; `check`
 * says whether what a node keeps is whole, and needs an app password, for the node itself can't look.
 */
import { parseArgs } from "node:util";
import { z } from "zod";
import { utf8 } from "../core/bytes.ts";
import { InUse, isFree } from "../daemon/store/copies.ts";
import { openStore } from "../daemon/store/store.ts";
import { askHidden } from "./hidden.ts";
import { makeMailbox } from "./mailbox.ts";
import { move } from "./mailbox-move.ts";
import { complaining, nodeHome } from "./node-home.ts";
import { Mistake } from "./run.ts";

export const usage = `usage: postern mailbox add ADDRESS --edge https://postern.example.net --node ID [--quota BYTES]
       postern mailbox check NODE.json ADDRESS
       postern mailbox move ADDRESS NODE --edge https://postern.example.net --email YOU [--code CODE]

add    Makes the mailbox's keys on this machine and gives the edge its public half and locked copies. Needs an API key with
       "mailboxes:write", asked for or read from standard input. Prints the app password and the recovery code, once, as JSON.
check  Looks at every message of a mailbox on a node that stands still: names what is damaged, and which parts of it; all else can
       be read. Needs one of the mailbox's app passwords, asked for or read from standard input. Exit code 1 where something is.
move   Moves a mailbox with its mail to another node, and waits for the end of it; ended early, the move goes on. For operators: your
       password at the edge is asked for or read from standard input, --code is the code of this moment where your account asks for one.
`;

export async function run(args: string[]): Promise<number> {
  const [what, ...rest] = args;
  if (what === "add") return add(rest);
  if (what === "check") return check(rest);
  if (what === "move") return move(rest);
  throw new Mistake("add, check or move");
}

const answerSchema = z.object({ title: z.string().optional(), detail: z.string().optional() });

async function add(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args,
    options: { edge: text, node: text, quota: text },
    allowPositionals: true,
  });
  const [address, more] = positionals;
  const { edge, node } = values;
  if (address === undefined || more !== undefined || edge === undefined || node === undefined)
    throw new Mistake("an address, --edge and --node");
  const { record, appPassword, recoveryCode } = makeMailbox(address);
  const { id, publicKey, keyId, keyslots } = record;
  const quotaBytes = values.quota === undefined ? record.quotaBytes : Number(values.quota);
  const key = await askHidden("API key: ");
  const response = await fetch(new URL("/api/mailboxes", edge), {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ id, address: record.address, node, publicKey, keyId, quotaBytes, keyslots }),
  });
  if (!response.ok) {
    const said = answerSchema.catch({}).parse(await response.json().catch(() => null));
    process.stderr.write(`the edge answered ${response.status}: ${said.detail ?? said.title ?? "no reason"}\n`);
    return 1;
  }
  process.stdout.write(`${JSON.stringify({ id, address: record.address, appPassword, recoveryCode })}\n`);
  process.stderr.write("Keep the recovery code: without it and every app password the mail is lost to everybody.\n");
  return 0;
}

async function check(args: string[]): Promise<number> {
  const [config, address, more] = parseArgs({ args, options: {}, allowPositionals: true }).positionals;
  if (config === undefined || address === undefined || more !== undefined)
    throw new Mistake("a configuration and an address");
  return complaining(async () => {
    const home = nodeHome(config);
    if (!isFree(home)) throw new InUse("the node is running: stop it first");
    const alarms: string[] = [];
    const store = await openStore({
      ...home,
      workers: 1,
      onAlarm: ({ what }) => alarms.push(what.split("\n")[0] ?? ""),
    });
    try {
      const password = utf8(await askHidden("App password: "));
      const login = await store.mailboxes.login(address, password, { ip: "" });
      if (!login.ok) return refused(login.why, alarms);
      const report = await login.account.check();
      process.stdout.write(`${JSON.stringify({ ...report, alarms }, null, 1)}\n`);
      return report.damaged.length + report.structure.length + alarms.length === 0 ? 0 : 1;
    } finally {
      await store.close();
    }
  });
}

function refused(why: "credentials" | "unavailable", alarms: readonly string[]): number {
  const said = why === "credentials" ? "wrong address or app password" : `it does not open: ${alarms.join("; ")}`;
  process.stderr.write(`${said}\n`);
  return 1;
}
