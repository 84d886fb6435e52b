/** The rows of `npm run bench -- imap` by our own client, where the shared scripts or Python are not at hand: names and figures are theirs. */

import { Imap, type Login } from "./connection.ts";
import { bigSize, message, mixedSize } from "./messages.ts";

export type Rows = Record<string, Record<string, number | string>>;
export type Target = Login & { big: number };

export async function measureOwn(part: string, target: Target): Promise<Rows> {
  const run = parts[part];
  return run ? run(target) : {};
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function rate(n: number, ms: number, more: Record<string, number> = {}): Record<string, number> {
  return { n, s: ms / 1000, per_s: (n * 1000) / ms, ...more };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function together(n: number, work: (i: number) => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: n }, (_, i) => work(i)));
}

async function using<T>(target: Target, work: (imap: Imap) => Promise<T>): Promise<T> {
  const imap = await Imap.logIn(target);
  try {
    return await work(imap);
  } finally {
    await imap.logOut();
  }
}

async function remade(imap: Imap, folder: string): Promise<void> {
  await imap.command(`DELETE ${folder}`).catch(() => undefined);
  await imap.command(`CREATE ${folder}`);
}

async function login(target: Target): Promise<Rows> {
  const once = () => using(target, async () => undefined);
  const one = await timed(async () => {
    for (let i = 0; i < 100; i++) await once();
  });
  const eight = await timed(() =>
    together(8, async () => {
      for (let i = 0; i < 12; i++) await once();
    }),
  );
  return { login_seq: rate(100, one), login_8par: rate(96, eight) };
}

async function append(target: Target): Promise<Rows> {
  return using(target, async (imap) => {
    const mixed = Array.from({ length: 500 }, (_, i) => message(i, mixedSize(i)));
    const small = Array.from({ length: 500 }, (_, i) => message(i, 2000));
    const megabytes = mixed.reduce((sum, { length }) => sum + length, 0) / 1e6;
    const oneByOne = async (folder: string, messages: readonly Buffer[]) => {
      await remade(imap, folder);
      return timed(async () => {
        for (const one of messages) await imap.wait(imap.append(folder, one));
      });
    };
    const large = await oneByOne("bench-mixed", mixed);
    const few = await oneByOne("bench-many", small);
    await remade(imap, "bench-many");
    const eight = await timed(() => filled(target, "bench-many", small, 1));
    return {
      append_mixed_1conn: { ...rate(500, large), MB_s: megabytes / (large / 1000) },
      append_2KB_1conn: rate(500, few),
      append_2KB_8conn: rate(500, eight),
    };
  });
}

/** By eight sessions, each with so many commands on their way. */
async function filled(target: Target, folder: string, messages: readonly Buffer[], ahead: number): Promise<void> {
  await together(8, (k) =>
    using(target, async (imap) => {
      const sent: string[] = [];
      for (let i = k; i < messages.length; i += 8) {
        sent.push(imap.append(folder, messages[i] ?? Buffer.alloc(0)));
        if (sent.length >= ahead) await imap.wait(sent.shift() ?? "");
      }
      for (const tag of sent) await imap.wait(tag);
    }),
  );
}

async function fill(target: Target): Promise<Rows> {
  await using(target, (imap) => remade(imap, "bench-big"));
  const messages = Array.from({ length: target.big }, (_, i) => message(i, bigSize(i)));
  return { fill_big_8conn_pipelined: rate(target.big, await timed(() => filled(target, "bench-big", messages, 8))) };
}

/** In a session of its own: the first answer, and the median of those that follow. */
async function asked(target: Target, line: string, again = 3): Promise<Record<string, number>> {
  return using(target, async (imap) => {
    await imap.command("SELECT bench-big");
    const first = await timed(() => imap.command(line));
    const more: number[] = [];
    for (let i = 0; i < again; i++) more.push(await timed(() => imap.command(line)));
    return { first_ms: first, median_ms: median(more) };
  });
}

async function allOf(target: Target, lines: Record<string, string>): Promise<Rows> {
  const rows: Rows = {};
  for (const [name, line] of Object.entries(lines)) rows[name] = await asked(target, line);
  return rows;
}

async function select(target: Target): Promise<Rows> {
  return using(target, async (imap) => {
    const first = await timed(() => imap.command("SELECT bench-big"));
    const more: number[] = [];
    for (let i = 0; i < 20; i++) {
      await imap.command("SELECT INBOX");
      more.push(await timed(() => imap.command("SELECT bench-big")));
    }
    return { select_big: { first_ms: first, median_ms: median(more) } };
  });
}

async function fetch(target: Target): Promise<Rows> {
  const rows = await allOf(target, {
    fetch_flags_all: "FETCH 1:* (FLAGS UID)",
    fetch_env_all: "FETCH 1:* (FLAGS UID RFC822.SIZE ENVELOPE)",
    fetch_bs_all: "FETCH 1:* (UID BODYSTRUCTURE)",
    fetch_hdrfields_all: "FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (FROM SUBJECT DATE REFERENCES LIST-ID)])",
    fetch_body_big_all: "FETCH 1:* (UID BODY.PEEK[])",
  });
  const n = Math.min(1000, target.big);
  const trips = await using(target, async (imap) => {
    await imap.command("SELECT bench-big");
    return timed(async () => {
      for (let i = 1; i <= n; i++) await imap.command(`FETCH ${i} BODY.PEEK[]`);
    });
  });
  return { ...rows, fetch_body_1000_roundtrips: rate(n, trips) };
}

async function fetchMixed(target: Target): Promise<Rows> {
  return using(target, async (imap) => {
    await imap.command("SELECT bench-mixed");
    const speeds: number[] = [];
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      const { bytes } = await imap.command("FETCH 1:* (UID BODY.PEEK[])");
      speeds.push(bytes / 1000 / (performance.now() - start));
    }
    const parts = await timed(async () => {
      for (let i = 50; i <= 500; i += 50) await imap.command(`FETCH ${i} BODY.PEEK[2]<0.65536>`);
    });
    return { fetch_body_mixed: { MB_s: median(speeds) }, fetch_partial_of_1MB: { n: 10, ms_each: parts / 10 } };
  });
}

const search = (target: Target) =>
  allOf(target, {
    search_header: "UID SEARCH HEADER Subject needle",
    search_from: 'UID SEARCH FROM "zzzz"',
    search_unseen: "UID SEARCH UNSEEN",
    search_text: "UID SEARCH TEXT zebrafish",
    search_body: "UID SEARCH BODY zebrafish",
    search_since: "UID SEARCH SENTSINCE 1-Jan-2020",
    sort_date: "UID SORT (REVERSE DATE) UTF-8 ALL",
    thread_refs: "UID THREAD REFERENCES UTF-8 ALL",
  });

async function store(target: Target): Promise<Rows> {
  return using(target, async (imap) => {
    await imap.command("SELECT bench-big");
    const change = async (what: string) => rate(target.big, await timed(() => imap.command(`STORE 1:* ${what}`)));
    return {
      store_all_silent_seen: await change("+FLAGS.SILENT (\\Seen)"),
      store_all_silent_unsee: await change("-FLAGS.SILENT (\\Seen)"),
      store_all_keyword: await change("+FLAGS (kwbench)"),
    };
  });
}

async function copyMove(target: Target): Promise<Rows> {
  return using(target, async (imap) => {
    await remade(imap, "bench-copy");
    await remade(imap, "bench-move");
    const n = Math.min(1000, target.big);
    await imap.command("SELECT bench-big");
    const copied = await timed(() => imap.command(`COPY 1:${n} bench-copy`));
    await imap.command("SELECT bench-copy");
    const moved = await timed(() => imap.command(`MOVE 1:${n} bench-move`));
    return { copy_1000: rate(n, copied), move_1000: rate(n, moved) };
  });
}

async function expunge(target: Target): Promise<Rows> {
  return using(target, async (imap) => {
    const n = Math.floor(target.big / 2);
    await imap.command("SELECT bench-big");
    await imap.command(`STORE 1:${n} +FLAGS.SILENT (\\Deleted)`);
    return { expunge_half: rate(n, await timed(() => imap.command("EXPUNGE"))) };
  });
}

async function idle(target: Target): Promise<Rows> {
  return using(target, (writer) =>
    using(target, async (waiter) => {
      await remade(writer, "bench-idle");
      await waiter.command("SELECT bench-idle");
      const tag = waiter.send("IDLE");
      await waiter.heard("+");
      const waits: number[] = [];
      for (let i = 1; i <= 20; i++) {
        await writer.wait(writer.append("bench-idle", message(i, 1200)));
        waits.push(await timed(() => waiter.heard(`${i} EXISTS`)));
      }
      waiter.raw("DONE");
      await waiter.wait(tag);
      return { idle_latency: { n: 20, after_append_ok_median_ms: median(waits) } };
    }),
  );
}

const parts: Record<string, (target: Target) => Promise<Rows>> = {
  login,
  append,
  fill,
  select,
  fetch,
  fetchmixed: fetchMixed,
  search,
  store,
  copymove: copyMove,
  expunge,
  idle,
};
