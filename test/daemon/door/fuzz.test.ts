import { connect } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { networkOf } from "../../../src/daemon/door/recipients.ts";
import { Talk } from "./talk.ts";
import { openDoor, type World } from "./world.ts";

let world: World;
beforeAll(async () => {
  world = await openDoor({ rules: { connections: 1000, connectionsPerClient: 1000 } });
});
afterAll(() => world.door.close(0));

/** Sends in pieces, then closes our side; answers all that the door said. */
function pour(pieces: Buffer[]): Promise<string> {
  return new Promise((done) => {
    const socket = connect({ host: "127.0.0.1", port: world.door.port, noDelay: true });
    let said = "";
    socket.on("data", (bytes) => {
      said += bytes.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => done(said));
    for (const piece of pieces) socket.write(piece);
    socket.end();
  });
}

const word = fc.constantFrom(
  "EHLO c\r\n",
  "HELO c\r\n",
  "MAIL FROM:<a@b.test>\r\n",
  "MAIL FROM:<>\r\n",
  "RCPT TO:<x@demo.test>\r\n",
  "DATA\r\n",
  "RSET\r\n",
  "NOOP\r\n",
  ".\r\n",
  "\r\n.\r\n",
  "\n.\n",
  "\r.\r",
  "\r\n.\n",
  "..\r\n",
  "Subject: x\r\n",
  "\r\n",
  "\n",
  "\r",
  "\0",
  "<",
  ">",
  '"',
  "\\",
  " ",
  "STARTTLS\r\n",
  "MAIL FROM:<a@b.test> SIZE=99999999999999999999\r\n",
  "RCPT TO:<@a,@b:c@demo.test>\r\n",
  "QUIT",
  "x".repeat(3000),
  "\xff\xfe",
  "BDAT 5 LAST\r\n",
);
const noise = fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes).toString("latin1"));
const stream = fc
  .array(fc.oneof({ weight: 4, arbitrary: word }, noise), { maxLength: 40 })
  .map((parts) => parts.join(""));

it("answers any bytes with whole replies, and hands on only clean messages", async () => {
  await fc.assert(
    fc.asyncProperty(stream, fc.integer({ min: 1, max: 50 }), fc.boolean(), async (text, size, polite) => {
      world.taken.length = 0;
      const bytes = Buffer.from(
        polite ? `EHLO c\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<x@demo.test>\r\nDATA\r\n${text}` : text,
        "latin1",
      );
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const said = await pour(pieces);
      expect(said).toMatch(/^220 mx\.node\.test ESMTP Postern\r\n(?:[2-5]\d\d[ -][\x20-\x7e]*\r\n)*$/);
      for (const { raw } of world.taken) {
        const taken = raw.toString("latin1");
        expect(taken.replaceAll("\r\n", "")).not.toMatch(/[\r\n]/);
        expect(taken === "" || taken.endsWith("\r\n")).toBe(true);
      }
    }),
    { numRuns: 400 },
  );
  const talk = await Talk.to(world.door.port);
  expect(await talk.ask("NOOP")).toMatch(/^250/);
  talk.close();
});

it("takes a crowd: every message once, whole", async () => {
  world.taken.length = 0;
  const senders = Array.from({ length: 100 }, async (_, sender) => {
    const talk = await Talk.to(world.door.port);
    await talk.ask("EHLO c");
    for (let n = 0; n < 5; n++) {
      await talk.ask(`MAIL FROM:<s${sender}@b.test>`);
      await talk.ask("RCPT TO:<x@demo.test>");
      await talk.ask("DATA");
      expect(await talk.ask(`N: ${sender}-${n}\r\n\r\n${"x".repeat(500)}\r\n.`)).toMatch(/^250/);
    }
    talk.close();
  });
  await Promise.all(senders);
  const names = world.taken.map(({ raw }) => /^N: (\S+)/.exec(raw.toString())?.[1]);
  expect(new Set(names).size).toBe(500);
  expect(world.taken.every(({ raw }) => raw.length === world.taken[0]?.raw.length || raw.length > 500)).toBe(true);
});

const networks: [string, string][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["2001:0db8:0000:0001:ffff::", "2001:db8:0:1"],
  ["2001:DB8:0:1:2:3:4:5", "2001:db8:0:1"],
  ["::1", "0:0:0:0"],
];
it("counts an IPv6 customer as one", () => {
  for (const [ip, network] of networks) expect(networkOf(ip)).toBe(network);
});
