import { mkdtempSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { certificates } from "../../../src/cli/world/certificates.ts";
import { guardedConnect, mailPorts } from "../../../src/daemon/net/connect.ts";
import { tlsContext } from "../../../src/daemon/net/tls.ts";
import { type DeliverDeps, deliver, type Outgoing } from "../../../src/daemon/queue/deliver.ts";
import { Reuse } from "../../../src/daemon/queue/reuse.ts";
import { sendOver } from "../../../src/daemon/queue/smtp.ts";
import { openSink, type Sink } from "./sink.ts";
import { tableResolver, type Zones } from "./world.ts";

const open: Sink[] = [];
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});

async function sinkWith(options: Parameters<typeof openSink>[0] = {}): Promise<Sink> {
  const sink = await openSink(options);
  open.push(sink);
  return sink;
}

const zones: Zones = {
  "dest.test": {
    MX: [
      { priority: 10, exchange: "mx1.dest.test" },
      { priority: 20, exchange: "mx2.dest.test" },
    ],
  },
  "mx1.dest.test": { A: ["127.0.0.1"] },
  "mx2.dest.test": { A: ["127.0.0.1"] },
  "xn--bcher-kva.test": { A: ["127.0.0.1"] },
  "inward.test": { A: ["10.0.0.1"] },
};

const deps = (port: number): DeliverDeps => ({
  dns: tableResolver(zones),
  port,
  ownNames: [],
  atHome: () => Promise.reject(new Error("nothing is served here")),
  chance: () => 0,
  name: "mx.node.test",
  connect: guardedConnect({ ownAddresses: [], ports: mailPorts, allowLoopback: true, timeoutMs: 1000 }),
  reuse: new Reuse(),
  replyTimeoutMs: 500,
  clock: Date.now,
});

const mail = (more: Partial<Outgoing> = {}): Outgoing => ({
  from: "SRS0=x=y=author.test=ann@demo.test",
  to: "me@dest.test",
  route: null,
  raw: Buffer.from("Subject: x\r\n\r\n..a\r\n.\r\n\r\n"),
  smtputf8: false,
  ...more,
});

it("sends every byte, dots at line starts and blank lines at the end included", async () => {
  const sink = await sinkWith();
  expect(await deliver(mail(), deps(sink.port))).toMatchObject({ kind: "delivered", host: "mx1.dest.test" });
  expect(sink.caught[0]?.raw.toString()).toBe("Subject: x\r\n\r\n..a\r\n.\r\n\r\n");
  expect(sink.said[0]).toBe("EHLO mx.node.test");
});

it("encrypts where STARTTLS is offered, whatever the certificate", async () => {
  const files = await certificates(mkdtempSync(join(tmpdir(), "deliver-")), ["other.example"]);
  const sink = await sinkWith({ tls: tlsContext({ key: readFileSync(files.key), cert: readFileSync(files.cert) }) });
  expect(await deliver(mail(), deps(sink.port))).toMatchObject({ kind: "delivered" });
  expect(sink.caught[0]?.tls).toBe(true);
});

it("goes on in plain text where TLS can't be had", async () => {
  const sink = await sinkWith({ brokenTls: true });
  expect(await deliver(mail(), deps(sink.port))).toMatchObject({ kind: "delivered" });
  expect(sink.caught[0]?.tls).toBe(false);
});

it("tries the next host after 4xx, silence or a closed door, and stops at a refusal", async () => {
  const sink = await sinkWith();
  const steps = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "end"] as const;
  for (const step of steps) {
    for (const reply of ["451 4.3.0 later", null]) {
      let conversations = 0;
      sink.answer = (at) => {
        if (at === "greeting") conversations++;
        return at === step && conversations === 1 ? reply : undefined;
      };
      expect([step, reply, await deliver(mail(), deps(sink.port))]).toMatchObject([
        step,
        reply,
        { kind: "delivered", host: "mx2.dest.test" },
      ]);
    }
  }
  expect(sink.caught.length).toBe(12);
  sink.answer = (at) => (at === "RCPT" ? "550 5.1.1 no such user" : undefined);
  const refused = await deliver(mail(), deps(sink.port));
  expect(refused).toEqual({
    kind: "permfail",
    enhanced: "5.1.1",
    code: 550,
    detail: "550 5.1.1 no such user",
    host: "mx1.dest.test",
    hostDown: false,
  });
});

const verdicts: [string, string, object][] = [
  ["MAIL", "550 5.7.1 not from you", { kind: "permfail", enhanced: "5.7.1", hostDown: false }],
  ["RCPT", "452 4.2.2 full", { kind: "tempfail", enhanced: "4.2.2", code: 452, hostDown: false }],
  ["DATA", "554 no", { kind: "permfail", enhanced: "5.0.0", code: 554 }],
  ["end", "552 5.3.4 too big", { kind: "permfail", enhanced: "5.3.4" }],
  ["end", "451 5.9.9 liar", { kind: "tempfail", enhanced: "4.9.9" }],
  // A host that will not talk at all says nothing about the message.
  ["greeting", "554 5.7.1 go away", { kind: "tempfail", hostDown: true }],
  ["RCPT", "421 4.3.2 closing", { kind: "tempfail", hostDown: true }],
];
for (const [step, reply, ending] of verdicts) {
  it(`${step}: ${reply}`, async () => {
    const sink = await sinkWith();
    sink.answer = (at) => (at === step ? reply : undefined);
    expect(await deliver(mail(), deps(sink.port))).toMatchObject(ending);
  });
}

it("gives up on a host that goes silent", async () => {
  const sink = await sinkWith();
  sink.answer = (at) => (at === "end" ? new Promise(() => undefined) : undefined);
  expect(await deliver(mail(), deps(sink.port))).toMatchObject({ kind: "tempfail", enhanced: "4.4.1", hostDown: true });
});

it("never dials inward, by MX, by name or by fixed route", async () => {
  const sink = await sinkWith();
  const outward = deps(sink.port);
  const strict = {
    ...outward,
    connect: guardedConnect({ ownAddresses: [], ports: mailPorts, allowLoopback: false, timeoutMs: 500 }),
  };
  for (const more of [
    {},
    { to: "me@inward.test" },
    { to: "me@[127.0.0.1]" },
    { route: { host: "127.0.0.1", port: sink.port } },
  ])
    expect(await deliver(mail(more), strict)).toMatchObject({ kind: "tempfail", detail: "not a public address" });
  expect(sink.said).toEqual([]);
});

it("asks for SMTPUTF8 only where it is offered (RFC 6531 §3.2)", async () => {
  const old = await sinkWith();
  expect(await deliver(mail({ to: "почта@dest.test" }), deps(old.port))).toMatchObject({
    kind: "permfail",
    enhanced: "5.6.7",
  });
  const modern = await sinkWith({ extensions: ["8BITMIME", "SMTPUTF8"] });
  expect(await deliver(mail({ to: "почта@dest.test" }), deps(modern.port))).toMatchObject({ kind: "delivered" });
  expect(modern.caught[0]).toMatchObject({ to: ["почта@dest.test"], mail: expect.stringContaining("SMTPUTF8") });
});

it("asks for SMTPUTF8 for an international header between ASCII addresses too (RFC 6531 §3.4)", async () => {
  const raw = Buffer.from("Subject: Grüße\r\n\r\nx\r\n");
  const modern = await sinkWith({ extensions: ["8BITMIME", "SMTPUTF8"] });
  await deliver(mail({ raw, smtputf8: true }), deps(modern.port));
  await deliver(mail({ raw }), deps(modern.port));
  await deliver(mail({ raw: Buffer.from("Subject: caf\xe9\r\n\r\nx\r\n", "latin1") }), deps(modern.port));
  await deliver(mail({ raw: Buffer.from("Subject: x\r\n\r\nGrüße\r\n"), smtputf8: true }), deps(modern.port));
  const keywords = modern.caught.map((one) => / SMTPUTF8\b/.test(one.mail));
  expect(keywords).toEqual([true, true, false, false]); // neither Latin-1, which would be a lie, nor a body alone
  const old = await sinkWith({ extensions: ["8BITMIME"] });
  expect(await deliver(mail({ raw, smtputf8: true }), deps(old.port))).toMatchObject({ enhanced: "5.6.7" });
  // It came without SMTPUTF8, so it goes on as it came.
  expect(await deliver(mail({ raw }), deps(old.port))).toMatchObject({ kind: "delivered" });
  expect(old.caught[0]?.raw.toString()).toContain("Grüße");
});

it("asks DNS and hosts for an internationalized domain by its ASCII form", async () => {
  const sink = await sinkWith();
  expect(await deliver(mail({ to: "me@Bücher.test" }), deps(sink.port))).toMatchObject({ kind: "delivered" });
  expect(sink.caught[0]?.to).toEqual(["me@xn--bcher-kva.test"]);
});

it("speaks TLS from the first byte where that is the port's way", async () => {
  const files = await certificates(mkdtempSync(join(tmpdir(), "deliver-")), ["localhost"]);
  const sink = await sinkWith({
    implicitTls: tlsContext({ key: readFileSync(files.key), cert: readFileSync(files.cert) }),
  });
  const socket = connect({ host: "127.0.0.1", port: sink.port });
  const options = {
    name: "mx.node.test",
    host: "localhost",
    tls: "verify",
    implicitTls: true,
    timeoutMs: 2000,
  } as const;
  const sent = await sendOver(
    socket,
    { ...options, ca: readFileSync(files.ca, "utf8") },
    { from: "", to: ["a@b.test"] },
    mail().raw,
  );
  expect(sent).toMatchObject({ kind: "taken" });
  expect(sink.caught[0]?.tls).toBe(true);
});

it("does not offer a message that the host finds too large", async () => {
  const sink = await sinkWith({ extensions: ["SIZE 10"] });
  expect(await deliver(mail(), deps(sink.port))).toMatchObject({ kind: "permfail", enhanced: "5.3.4" });
  expect(sink.said.some((line) => line.startsWith("MAIL"))).toBe(false);
});
