/** The command line of `npm start`. */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Mistake, root } from "../run.ts";

export type StartOptions = {
  folder: string;
  fresh: boolean;
  json: boolean;
  nodeOnly: boolean;
  insecurePlain: boolean;
  /** Anybody may make an account; else by invitation. */
  openSignUp: boolean;
  /** `user` or, with `insecurePlain`, `user:password`. */
  mailboxes: { user: string; password: string | null }[];
};

export const usage = `usage: npm start -- [options]
  --fresh             empty the data folder first
  --json              print one line of JSON when ready
  --data FOLDER       where everything is kept (default .data/demo, .data/node-only)
  --open-sign-up      anybody may make an account on the dashboard, by a link mailed to "the outside world"
  --node-only         only the node, with a ready mailbox: for protocol tests and benchmarks
  --mailbox USER      with --node-only, repeatable; USER:PASSWORD with --insecure-plain (a test-only keyslot)
  --insecure-plain    with --node-only: plain-text IMAP and POP3 on loopback too
`;

/** Throws a `Mistake`, or what `parseArgs` throws. */
export function startOptions(args: string[]): StartOptions {
  const { values } = parseArgs({
    args,
    options: {
      fresh: { type: "boolean", default: false },
      json: { type: "boolean", default: false },
      data: { type: "string" },
      "open-sign-up": { type: "boolean", default: false },
      "node-only": { type: "boolean", default: false },
      "insecure-plain": { type: "boolean", default: false },
      mailbox: { type: "string", multiple: true, default: [] },
    },
  });
  const nodeOnly = values["node-only"];
  const insecurePlain = values["insecure-plain"];
  if (!nodeOnly && (insecurePlain || values.mailbox.length > 0))
    throw new Mistake("--mailbox and --insecure-plain go with --node-only");
  const openSignUp = values["open-sign-up"];
  if (nodeOnly && openSignUp) throw new Mistake("--open-sign-up is about the dashboard, which --node-only has not");
  const mailboxes = (values.mailbox.length > 0 ? values.mailbox : ["demo@demo.test"]).map((each) =>
    user(each, insecurePlain),
  );
  const folder =
    values.data === undefined ? join(root, nodeOnly ? ".data/node-only" : ".data/demo") : resolve(values.data);
  return { folder, fresh: values.fresh, json: values.json, nodeOnly, insecurePlain, openSignUp, mailboxes };
}

function user(text: string, insecurePlain: boolean): { user: string; password: string | null } {
  const colon = text.indexOf(":");
  if (colon < 0) return { user: text, password: null };
  if (!insecurePlain)
    throw new Mistake("--mailbox USER:PASSWORD needs --insecure-plain: chosen passwords are for tests only");
  return { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
