/** POP3 by our own client: a maildrop of thousands read from one end to the other. Names and figures are those of pop3bench.py. */
import { Imap, type Login, Pop3 } from "./connection.ts";
import type { Rows } from "./own.ts";

/** A maildrop worth measuring: copies of what the IMAP rows left. */
export async function fillInbox(imaps: Login, n: number): Promise<void> {
  const imap = await Imap.logIn(imaps);
  await imap.command("SELECT bench-big");
  await imap.command(`COPY 1:${n} INBOX`);
  await imap.logOut();
}

async function timed<T>(work: () => Promise<T>): Promise<[ms: number, answer: T]> {
  const start = performance.now();
  const answer = await work();
  return [performance.now() - start, answer];
}

export async function measurePop3(login: Login): Promise<Rows> {
  const [logins] = await timed(async () => {
    for (let i = 0; i < 50; i++) await quit(await Pop3.logIn(login));
  });
  const [opened, pop3] = await timed(() => Pop3.logIn(login));
  const n = Number((await pop3.command("STAT")).split(" ")[1]);
  const rows: Rows = {
    login_quit: { n: 50, per_s: 50_000 / logins },
    login_big: { messages: n, ms: opened },
    list: { ms: await asked(pop3, "LIST") },
    uidl: { ms: await asked(pop3, "UIDL") },
    retr_first: await read(pop3, n, (i) => `RETR ${i}`),
    retr_again: await read(pop3, n, (i) => `RETR ${i}`),
    retr_pipelined16: await readAhead(pop3, n),
    top0: await read(pop3, n, (i) => `TOP ${i} 0`),
  };
  await quit(pop3);
  return rows;
}

async function quit(pop3: Pop3): Promise<void> {
  await pop3.command("QUIT");
  pop3.close();
}

async function asked(pop3: Pop3, line: string): Promise<number> {
  pop3.ask(line);
  return (await timed(() => pop3.many()))[0];
}

async function read(pop3: Pop3, n: number, line: (i: number) => string): Promise<Record<string, number>> {
  let bytes = 0;
  const [ms] = await timed(async () => {
    for (let i = 1; i <= n; i++) {
      pop3.ask(line(i));
      bytes += await pop3.many();
    }
  });
  return { n, per_s: (n * 1000) / ms, MB_s: bytes / 1000 / ms };
}

async function readAhead(pop3: Pop3, n: number): Promise<Record<string, number>> {
  let bytes = 0;
  const [ms] = await timed(async () => {
    for (let i = 1; i <= n; i += 16) {
      const some = Array.from({ length: Math.min(16, n - i + 1) }, (_, k) => `RETR ${i + k}`);
      pop3.ask(...some);
      for (const _ of some) bytes += await pop3.many();
    }
  });
  return { n, per_s: (n * 1000) / ms, MB_s: bytes / 1000 / ms };
}
