/** POP3 by chance: one reply a line, well formed, and a NOOP or QUIT that still works. */
import { Client } from "../transcripts/client.ts";
import type { Target } from "./imap.ts";
import type { Chance } from "./random.ts";

const lines = (c: Chance, { user, password }: Target): string => {
  const n = String(c.pick([0, 1, 2, 3, 99, 4294967296, -1]));
  const line = c.pick([
    "CAPA",
    "NOOP",
    "STAT",
    "LIST",
    `LIST ${n}`,
    "UIDL",
    `UIDL ${n}`,
    `RETR ${n}`,
    `TOP ${n} ${c.below(5)}`,
    `DELE ${n}`,
    "RSET",
    "UTF8",
    "STLS",
    "AUTH",
    "AUTH X",
    "AUTH PLAIN AGEAYg==",
    `USER ${user}`,
    `USER ${c.below(9)}`,
    `PASS ${password}`,
    "PASS wrong",
    "XYZZY",
    "",
  ]);
  if (!c.oneIn(4)) return line;
  const at = c.below(line.length + 1);
  const junk = String.fromCharCode(c.below(256)).replace(/[\r\n]/, "?");
  return line.slice(0, at) + junk + line.slice(at + c.below(2));
};

const multi = /^(?:CAPA|LIST|UIDL|RETR .*|TOP .*|AUTH) *$/i;

export async function fuzzPop3(target: Target, chance: Chance, isOver: () => boolean): Promise<number> {
  let count = 0;
  while (!isOver()) {
    const client = await Client.connect(target.servers.pop3, "whole");
    await client.response();
    let before = "";
    for (let i = 0; i < 40 && !isOver(); i++) {
      const line = lines(chance, target);
      await client.send(`${line}\r\n`);
      count++;
      if (!(await answered(client, line, before))) break;
      before = line;
    }
    client.close();
    while (target.servers.pop3Server.size > 0) await new Promise((resolve) => setImmediate(resolve));
    if (target.servers.bugs.length > 0) throw new Error(`a bug: ${target.servers.bugs[0]}`);
  }
  return count;
}

async function answered(client: Client, line: string, before: string): Promise<boolean> {
  const reply = await client.response();
  if (reply === null) return false;
  if (!/^(?:\+OK|-ERR|\+ )[\x20-\x7e]*$/.test(reply))
    throw new Error(`after ${JSON.stringify(before)}: ${JSON.stringify(line)} → ${JSON.stringify(reply)}`);
  if (reply.startsWith("+ ")) {
    await client.send("*\r\n");
    return await answered(client, "*", line);
  }
  const isListing = multi.test(line) && !/ [^ ]/.test(line.replace(/^(?:RETR|TOP).*/i, ""));
  if (!reply.startsWith("+OK") || !isListing) return true;
  for (let body = await client.response(); body !== "."; body = await client.response())
    if (body === null) return false;
  return true;
}
