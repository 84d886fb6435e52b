/** STAT, LIST, UIDL, RETR, TOP, DELE, RSET, NOOP. RFC 1939 §5, §7. */
import { Absent, type Answer, command, Err, noArguments, numbers, type Transaction } from "../command.ts";
import type { Maildrop } from "../port.ts";
import { stuffed } from "../stuff.ts";

type Message = Maildrop["messages"][number];

function message(s: Transaction, n: number): Message {
  const found = s.maildrop.messages[n - 1];
  if (!found || s.deleted.has(n)) throw new Absent("No such message");
  return found;
}

/** A listing: of one message on the first line, of all below it. */
function listing(name: string, show: (one: Message) => string | number, title: (s: Transaction) => string) {
  return command({
    name,
    in: "transaction",
    run: (s, rest): Answer => {
      if (rest.length > 0) {
        const [n = 0] = numbers(rest, 1);
        return { text: `${n} ${show(message(s, n))}` };
      }
      let body = "";
      s.maildrop.messages.forEach((one, i) => {
        if (!s.deleted.has(i + 1)) body += `${i + 1} ${show(one)}\r\n`;
      });
      return { text: title(s), body };
    },
  });
}

function drop(s: Transaction): { count: number; size: number } {
  let size = 0;
  s.maildrop.messages.forEach((one, i) => {
    if (!s.deleted.has(i + 1)) size += one.size;
  });
  return { count: s.maildrop.messages.length - s.deleted.size, size };
}

export const stat = command({
  name: "STAT",
  in: "transaction",
  run: (s, rest) => {
    noArguments(rest);
    const { count, size } = drop(s);
    return { text: `${count} ${size}` };
  },
});

export const list = listing(
  "LIST",
  ({ size }) => size,
  (s) => `${drop(s).count} messages (${drop(s).size} octets)`,
);

export const uidl = listing(
  "UIDL",
  ({ uidl }) => uidl,
  () => "Unique ids follow",
);

export const retr = command({
  name: "RETR",
  in: "transaction",
  run: async (s, rest) => {
    const [n = 0] = numbers(rest, 1);
    const one = message(s, n);
    return { text: `${one.size} octets`, body: stuffed(present(await s.maildrop.read(one.uid))) };
  },
});

export const top = command({
  name: "TOP",
  in: "transaction",
  run: async (s, rest) => {
    const [n = 0, lines = 0] = numbers(rest, 2);
    const one = message(s, n);
    return { text: "Top of message follows", body: stuffed(present(await s.maildrop.top(one.uid, lines))) };
  },
});

function present(bytes: Uint8Array | null): Uint8Array {
  if (bytes === null) throw new Err("Message was removed by another session", "SYS/PERM");
  return bytes;
}

export const dele = command({
  name: "DELE",
  in: "transaction",
  run: (s, rest) => {
    const [n = 0] = numbers(rest, 1);
    message(s, n);
    s.deleted.add(n);
    return { text: `Message ${n} marked for deletion` };
  },
});

export const rset = command({
  name: "RSET",
  in: "transaction",
  run: (s, rest) => {
    noArguments(rest);
    s.deleted.clear();
    return { text: "Deletion marks removed" };
  },
});

export const noop = command({
  name: "NOOP",
  in: "transaction",
  run: (_s, rest) => {
    noArguments(rest);
    return { text: "" };
  },
});
