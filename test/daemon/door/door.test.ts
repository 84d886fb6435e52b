import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { certificates } from "../../../src/cli/world/certificates.ts";
import { limits } from "../../../src/core/limits.ts";
import type { DoorOptions } from "../../../src/daemon/door/server.ts";
import { tlsContext } from "../../../src/daemon/net/tls.ts";
import { Talk } from "./talk.ts";
import { openDoor, outcome, takeAll, type World } from "./world.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function start(options: Partial<DoorOptions> = {}): Promise<{ world: World; talk: Talk }> {
  const world = await openDoor(options);
  open.push({ close: () => world.door.close(0) });
  return { world, talk: await visit(world) };
}

async function visit(world: World): Promise<Talk> {
  const talk = await Talk.to(world.door.port);
  open.push(talk);
  return talk;
}

it("hands the message on byte for byte, with what it knows of the client", async () => {
  const { world, talk } = await start();
  expect(await talk.envelope("author@example.org", ["hello@demo.test"], " SIZE=100 BODY=8BITMIME")).toMatch(/^354 /);
  const message = Buffer.from("Subject: d\xe9\r\n\r\n.dot\r\n..\r\n\xff\x00end\r\n", "latin1");
  talk.send("Subject: d\xe9\r\n\r\n..dot\r\n...\r\n\xff\x00end\r\n.\r\n");
  expect(await talk.reply()).toBe("250 2.0.0 Accepted");
  expect(world.taken).toEqual([
    {
      envelope: {
        mailFrom: "author@example.org",
        recipients: ["hello@demo.test"],
        ip: "127.0.0.1",
        helo: "client.test",
        tls: null,
        receivedAt: world.clock.now,
        smtputf8: false,
      },
      raw: message,
    },
  ]);
  expect(await talk.ask("QUIT")).toMatch(/^221 2\.0\.0 /);
});

it("answers a pipelined conversation in order", async () => {
  const { world, talk } = await start();
  talk.send(
    "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<a@demo.test>\r\nRCPT TO:<b@demo.test>\r\nDATA\r\nHi: x\r\n\r\n.\r\nNOOP\r\nQUIT\r\n",
  );
  const codes = [];
  for (let i = 0; i < 8; i++) codes.push((await talk.reply()).slice(0, 3));
  expect(codes).toEqual(["250", "250", "250", "250", "354", "250", "250", "221"]);
  expect(world.taken[0]?.envelope.recipients).toEqual(["a@demo.test", "b@demo.test"]);
});

const answers: [string, ("accepted" | "refused" | "deferred")[], boolean, RegExp, number][] = [
  ["all accepted", ["accepted", "accepted"], true, /^250 2\.0\.0/, 0],
  ["any deferral: all come back", ["accepted", "deferred", "refused"], true, /^451 4\.3\.0 later/, 0],
  ["all refused", ["refused", "refused"], true, /^550 5\.7\.1 not wanted/, 0],
  ["mixed, return path proven: the author is told", ["accepted", "refused"], true, /^250 /, 1],
  ["mixed, return path not proven: nobody is told", ["accepted", "refused"], false, /^250 /, 0],
];
for (const [name, kinds, pathProven, reply, told] of answers) {
  it(`DATA with ${name}`, async () => {
    const { world, talk } = await start();
    const to = kinds.map((_, i) => `r${i}@demo.test`);
    world.answerIngest = async () => ({
      outcomes: kinds.map((kind, i) => outcome(`r${i}@demo.test`, kind)),
      pathProven,
    });
    await talk.envelope("author@example.org", to);
    expect(await talk.ask("Subject: x\r\n\r\n.")).toMatch(reply);
    expect(world.notified.length).toBe(told);
    if (told) expect(world.notified[0]?.refused.map((one) => one.recipient)).toEqual(["r1@demo.test"]);
  });
}

it("says 451 when the edge can't be reached, at RCPT and at DATA", async () => {
  const { world, talk } = await start();
  await talk.ask("EHLO c");
  await talk.ask("MAIL FROM:<a@example.org>");
  world.answerRcpt = () => Promise.reject(new Error("down"));
  expect(await talk.ask("RCPT TO:<x@demo.test>")).toMatch(/^451 4\.4\.1/);
  world.answerRcpt = async () => ({ kind: "ok" });
  expect(await talk.ask("RCPT TO:<x@demo.test>")).toMatch(/^250 /);
  world.answerIngest = () => Promise.reject(new Error("down"));
  await talk.ask("DATA");
  expect(await talk.ask("A: b\r\n\r\n.")).toMatch(/^451 4\.4\.1/);
  // An answer for other recipients than were asked is no answer.
  world.answerIngest = async () => takeAll({ ...(world.taken[0]?.envelope ?? fail()), recipients: ["y@demo.test"] });
  await talk.envelope("a@example.org", ["x@demo.test"]);
  expect(await talk.ask("A: b\r\n\r\n.")).toMatch(/^451 4\.4\.1/);
});

function fail(): never {
  throw new Error("nothing was taken");
}

it("keeps the edge's own words and class at RCPT", async () => {
  const { world, talk } = await start();
  await talk.ask("EHLO c");
  await talk.ask("MAIL FROM:<a@example.org>");
  world.answerRcpt = async () => ({ kind: "refuse", code: 550, enhanced: "5.1.1", text: "No such\r\n250 address" });
  expect(await talk.ask("RCPT TO:<x@demo.test>")).toBe("550 5.1.1 No such 250 address");
  world.answerRcpt = async () => ({ kind: "defer", code: 550, enhanced: "5.1.1", text: "later" });
  expect(await talk.ask("RCPT TO:<y@demo.test>")).toBe("450 4.1.1 later");
  expect(await talk.ask("DATA")).toMatch(/^503 /);
});

const behindBalancer = { proxies: ["127.0.0.1"] };

it("puts off a client that guesses names, wherever it connects from in its network", async () => {
  const world = await openDoor({ ...behindBalancer, rules: { faults: 1000 } });
  open.push({ close: () => world.door.close(0) });
  world.answerRcpt = async () => ({ kind: "refuse", code: 550, enhanced: "5.1.1", text: "No such address here" });
  const guess = async (from: string, name: string): Promise<string> => {
    const talk = await Talk.to(world.door.port, from);
    await talk.ask("EHLO c");
    await talk.ask("MAIL FROM:<a@example.org>");
    const reply = await talk.ask(`RCPT TO:<${name}@demo.test>`);
    talk.close();
    return reply;
  };
  for (let i = 0; i < 30; i++) expect(await guess("192.0.2.1", `n${i}`)).toMatch(/^550 /);
  expect(await guess("192.0.2.1", "n99")).toMatch(/^450 4\.7\.1/);
  expect(world.asked.length).toBe(30);
  expect(await guess("192.0.2.2", "n99")).toMatch(/^550 /);
  world.clock.now += 11 * 60_000;
  expect(await guess("192.0.2.1", "n99")).toMatch(/^550 /);
});

it("asks once for a recipient that comes again soon", async () => {
  const { world, talk } = await start();
  for (let i = 0; i < 3; i++) {
    await talk.envelope("a@example.org", ["x@demo.test"]);
    await talk.ask("A: b\r\n\r\n.");
  }
  expect(world.asked.length).toBe(1);
});

it("holds its limits", async () => {
  const { talk } = await start();
  expect(await talk.ask("EHLO c")).toContain(`SIZE ${25 * 1024 * 1024}`);
  expect(await talk.ask(`MAIL FROM:<a@example.org> SIZE=${limits.messageBytes + 1}`)).toMatch(/^552 5\.3\.4/);
  await talk.ask("MAIL FROM:<a@example.org>");
  for (let i = 0; i < 50; i++) expect(await talk.ask(`RCPT TO:<r${i}@demo.test>`)).toMatch(/^250/);
  expect(await talk.ask("RCPT TO:<r50@demo.test>")).toMatch(/^452 4\.5\.3/);
});

it("refuses a message above 25 MiB after it was sent, and takes the next", async () => {
  const { world, talk } = await start();
  await talk.envelope("a@example.org", ["x@demo.test"]);
  talk.send(`${"x".repeat(998)}\r\n`.repeat(27_000));
  expect(await talk.ask(".")).toMatch(/^552 5\.3\.4/);
  await talk.envelope("a@example.org", ["x@demo.test"]);
  expect(await talk.ask("A: b\r\n\r\n.")).toMatch(/^250/);
  expect(world.taken.length).toBe(1);
});

it("refuses a smuggled message whole and goes on", async () => {
  const { world, talk } = await start();
  await talk.envelope("a@example.org", ["x@demo.test"]);
  expect(
    await talk.ask("A: b\r\n\r\nhi\n.\r\nMAIL FROM:<evil@example.org>\r\nRCPT TO:<v@demo.test>\r\nDATA\r\n."),
  ).toMatch(/^554 5\.6\.0/);
  expect(await talk.ask("NOOP")).toMatch(/^250/);
  expect(world.taken).toEqual([]);
});

it("closes on a command line with a bare LF, saying why", async () => {
  const { talk } = await start();
  talk.send("EHLO c\nMAIL FROM:<a@b.test>\r\n");
  expect(await talk.reply()).toMatch(/^500 5\.5\.2 .*CR LF/);
  expect(await talk.reply()).toBe("");
});

const wrong: [string, RegExp][] = [
  ["MAIL FROM:<a@b.test>", /^503/],
  ["EHLO", /^501/],
  ["EHLO two words", /^501/],
  ["XYZZY", /^500 5\.5\.1/],
  ["VRFY root", /^252/],
  ["STARTTLS", /^502/],
];
it("answers what is out of order or unknown", async () => {
  const { talk } = await start();
  for (const [line, reply] of wrong) expect([line, await talk.ask(line)]).toEqual([line, expect.stringMatching(reply)]);
  await talk.ask("HELO c");
  const mails: [string, RegExp][] = [
    ["MAIL FROM:a@b.test", /^501/],
    ["MAIL FROM:<a@b.test", /^501/],
    ["MAIL FROM:<a b@c.test>", /^501/],
    ["MAIL FROM:<a@b.test> WHAT=1", /^555/],
    ["MAIL FROM:<ü@b.test>", /^553 5\.6\.7/],
    ["MAIL FROM:<\x01@b.test>", /^500/],
    ["RCPT TO:<x@demo.test>", /^503/],
    ["MAIL from: <@relay.test:a@b.test>", /^250/],
    ["MAIL FROM:<a@b.test>", /^503/],
    ["RCPT TO:<>", /^501/],
    ["RCPT TO:<x@demo.test> NOTIFY=NEVER", /^555/],
    ['RCPT TO:<"odd > one"@demo.test>', /^250/],
    ["RCPT TO:<Postmaster>", /^250/],
    ["RSET", /^250/],
    ["MAIL FROM:<ü@b.test> SMTPUTF8", /^250/],
    ["RCPT TO:<ж@demo.test>", /^250/],
  ];
  for (const [line, reply] of mails) expect([line, await talk.ask(line)]).toEqual([line, expect.stringMatching(reply)]);
});

it("closes after too many errors", async () => {
  const { talk } = await start({ rules: { faults: 3 } });
  for (let i = 0; i < 3; i++) expect(await talk.ask("XYZZY")).toMatch(/^500/);
  expect(await talk.ask("XYZZY")).toMatch(/^421/);
  expect(await talk.reply()).toBe("");
});

it("closes after too many commands, errors or not", async () => {
  const { talk } = await start({ rules: { commands: 5 } });
  for (let i = 0; i < 5; i++) expect(await talk.ask("NOOP")).toMatch(/^250/);
  expect(await talk.ask("NOOP")).toMatch(/^421/);
  expect(await talk.reply()).toBe("");
});

it("bounds connections per client, a proxy on this host aside", async () => {
  const world = await openDoor({ ...behindBalancer, rules: { connectionsPerClient: 2 } });
  open.push({ close: () => world.door.close(0) });
  const greetings = async (from: string) => {
    const talks = await Promise.all([1, 2, 3].map(() => Talk.to(world.door.port, from)));
    const answers = await Promise.all(talks.map((talk) => talk.ask("NOOP")));
    for (const talk of talks) talk.close();
    return answers.filter((answer) => answer.startsWith("250")).length;
  };
  expect(await greetings("192.0.2.1")).toBe(2);
  expect(await greetings("127.0.0.1")).toBe(3);
});

it("hangs up on silence, and finishes a message before it goes down", async () => {
  const { talk } = await start({ rules: { idleMs: 50 } });
  expect(await talk.reply()).toMatch(/^421 4\.4\.2/);
  const { world, talk: busy } = await start();
  let release = () => {};
  world.answerIngest = (envelope) => new Promise((done) => (release = () => done(takeAll(envelope))));
  await busy.envelope("a@example.org", ["x@demo.test"]);
  busy.send("A: b\r\n\r\n.\r\n");
  await expect.poll(() => world.taken.length).toBe(1);
  const closed = world.door.close(60_000);
  release();
  expect(await busy.reply()).toMatch(/^250/);
  expect(await busy.reply()).toMatch(/^421 4\.3\.2/);
  await closed;
});

it("forgets what was said before TLS, and reports TLS to the edge", async () => {
  const files = await certificates(mkdtempSync(join(tmpdir(), "door-")), ["localhost"]);
  const context = tlsContext({ key: readFileSync(files.key), cert: readFileSync(files.cert) });
  const { world, talk } = await start({ tls: () => context });
  expect(await talk.ask("EHLO c")).toContain("STARTTLS");
  await talk.ask("MAIL FROM:<early@example.org>");
  expect(await talk.ask("STARTTLS")).toMatch(/^220/);
  await talk.startTls(readFileSync(files.ca, "utf8"));
  expect(await talk.ask("RCPT TO:<x@demo.test>")).toMatch(/^503/);
  await talk.envelope("late@example.org", ["x@demo.test"]);
  expect(await talk.ask("A: b\r\n\r\n.")).toMatch(/^250/);
  expect(world.taken[0]?.envelope).toMatchObject({ mailFrom: "late@example.org", tls: { version: "TLSv1.3" } });
});

it("drops commands that were slipped in before the handshake (CVE-2011-0411)", async () => {
  const files = await certificates(mkdtempSync(join(tmpdir(), "door-")), ["localhost"]);
  const context = tlsContext({ key: readFileSync(files.key), cert: readFileSync(files.cert) });
  const { talk } = await start({ tls: () => context });
  talk.send("STARTTLS\r\nEHLO evil\r\nMAIL FROM:<evil@example.org>\r\n");
  expect(await talk.reply()).toMatch(/^220/);
  await talk.startTls(readFileSync(files.ca, "utf8"));
  expect(await talk.ask("RCPT TO:<x@demo.test>")).toBe("503 5.5.1 EHLO or HELO first");
});

it("takes bounces to its own return addresses, and nothing else there", async () => {
  const { world, talk } = await start();
  await talk.ask("EHLO c");
  await talk.ask("MAIL FROM:<a@example.org>");
  expect(await talk.ask("RCPT TO:<SRS0=x@demo.test>")).toMatch(/^550 5\.7\.1/);
  await talk.ask("RSET");
  await talk.envelope("", ["SRS0=x@demo.test"]);
  expect(await talk.ask("A: b\r\n\r\n.")).toMatch(/^250/);
  expect(world.returned).toEqual([{ recipient: "SRS0=x@demo.test", raw: Buffer.from("A: b\r\n\r\n") }]);
  expect(world.taken).toEqual([]);
});
