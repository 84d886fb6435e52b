/** Mail that goes on: what arrives outside is checked by others' programs, bounces come back, and mail for here stays here. */
import { randomBytes } from "node:crypto";
import { Resolver } from "node:dns/promises";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Leash } from "../peers/leash.ts";
import { need } from "../peers/need.ts";
import { countIn, emailEvent, eventually, outside, sample, samples, send, type TestWorld, testWorld } from "./world.ts";

const python = need("python3-dkim", ["/usr/bin/python3", "-c", "import dkim"], "ARC seals of relayed mail");

let world: TestWorld;
beforeAll(async () => {
  world = await testWorld();
});
afterAll(() => world?.close());

const welcome = join(samples, "welcome.eml");
const arrival = (rcpt: string, after = 0) =>
  eventually(
    `a message for ${rcpt}`,
    () =>
      outside(world)
        .slice(after)
        .find(({ rcptTo }) => rcptTo.includes(rcpt)) ?? null,
  );
const inbox = (count: number) =>
  eventually(`${count} in INBOX`, async () => ((await countIn(world, "INBOX")) === count ? true : null));

/** One SMTP conversation with the door, as lines; answers the last reply. */
async function talk(...lines: string[]): Promise<string> {
  const { host, port } = world.endpoints.door;
  const socket = connect(port, host);
  let last = "";
  let wake: () => void = () => undefined;
  socket.setEncoding("utf8").on("data", (text: string) => {
    last += text;
    wake();
  });
  const reply = async (): Promise<string> => {
    for (;;) {
      const found = /^(?:\d{3}-.*\r\n)*(\d{3} .*)\r\n/.exec(last);
      if (found !== null) {
        last = last.slice(found[0].length);
        return found[1] ?? "";
      }
      await new Promise<void>((next) => {
        wake = next;
      });
    }
  };
  let answer = await reply();
  for (const line of ["EHLO mx.sender.test", ...lines]) {
    socket.write(`${line}\r\n`);
    answer = await reply();
    if (/^[45]/.test(answer)) break;
  }
  socket.end();
  return answer;
}

test.skipIf(!python)(
  "a relayed message verifies by python3-dkim: the author's signature, ours, and the ARC chain",
  async () => {
    expect((await send(world, welcome, "friend@demo.test", "ann@sender.test")).code).toBe(0);
    const { raw } = await arrival("friend@elsewhere.test");
    const dns = new Resolver();
    dns.setServers([`127.0.0.1:${world.endpoints.dns.udpPort}`]);
    const names = [...raw.toString("latin1").matchAll(/\bs=([\w-]+)/g)].map(([, selector]) => selector);
    const zone: Record<string, string> = {};
    for (const selector of new Set(names))
      for (const domain of ["demo.test", "sender.test"]) {
        const name = `${selector}._domainkey.${domain}`;
        const [text] = await dns.resolveTxt(name).catch(() => []);
        if (text !== undefined) zone[name] = text.join("");
      }
    const peer = new Leash("/usr/bin/python3", [join(import.meta.dirname, "../peers/proof_dkimpy.py")]);
    const ask = <T>(what: string, of: Buffer): Promise<T> =>
      peer.ask({ what, message: of.toString("base64"), dns: zone, signatures: 2 });
    expect(await ask("verify", raw)).toEqual({ good: [true, true] });
    expect(await ask("verify-arc", raw)).toMatchObject({ cv: "pass" });
    const changed = Buffer.from(raw.toString("latin1").replace(/\r\n\r\n(.)/s, "\r\n\r\nX$1"), "latin1");
    expect(await ask("verify-arc", changed)).toMatchObject({ cv: "fail" });
    await peer.close();
  },
);

test("a bounce to the return address reaches the author; anything else to it is refused", async () => {
  const before = outside(world).length;
  const raw = join(world.folder, "bounced.eml");
  writeFileSync(
    raw,
    Buffer.concat([Buffer.from(`X-Unique: ${randomBytes(6).toString("hex")}\r\n`), sample("welcome")]),
  );
  expect((await send(world, raw, "friend@demo.test", "ann@sender.test")).code).toBe(0);
  const { mailFrom } = await arrival("friend@elsewhere.test", before);
  expect(mailFrom).toMatch(/^SRS0=.*=sender\.test=ann@demo\.test$/);
  const bounce = ["From: <mailer-daemon@elsewhere.test>", "Subject: Undelivered", "", "It bounced.", "."].join("\r\n");
  expect(await talk("MAIL FROM:<>", `RCPT TO:<${mailFrom}>`, "DATA", bounce)).toMatch(/^250 /);
  const back = await arrival("ann@sender.test", before);
  expect(back.mailFrom).toBe("");
  expect(back.raw.toString()).toContain("Subject: Undelivered");
  expect(await talk("MAIL FROM:<>", `RCPT TO:<${mailFrom.replace("=ann@", "=eve@")}>`)).toMatch(/^550 5\.1\.1/);
  expect(await talk("MAIL FROM:<x@sender.test>", `RCPT TO:<${mailFrom}>`)).toMatch(/^550 5\.7\.1/);
  const seen = outside(world).length;
  // The same by Cloudflare's entrance, which hands it to the node.
  const event = await emailEvent(world, "<>", mailFrom, Buffer.from(`Message-ID: <b@elsewhere.test>\r\n${bounce}`));
  expect(event.outcome).toBe("ok");
  expect((await arrival("ann@sender.test", seen)).mailFrom).toBe("");
});

test("mail for the owner, whose mailbox is here, is filed here: postmaster with and without a domain", async () => {
  const before = await countIn(world, "INBOX");
  const sent = outside(world).length;
  expect((await send(world, welcome, "postmaster@demo.test", "ann@sender.test")).code).toBe(0);
  await inbox(before + 1);
  const letter = [
    "From: <ann@sender.test>",
    "Message-ID: <bare@sender.test>",
    "Subject: to the operator",
    "",
    "Hello.",
    ".",
  ];
  expect(await talk("MAIL FROM:<ann@sender.test>", "RCPT TO:<Postmaster>", "DATA", letter.join("\r\n"))).toMatch(
    /^250 /,
  );
  await inbox(before + 2);
  expect(outside(world).length).toBe(sent); // nothing went round by the outside
});
