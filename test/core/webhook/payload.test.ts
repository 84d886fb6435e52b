import { describe, expect, it } from "vitest";
import { fromBase64, utf8 } from "../../../src/core/bytes.ts";
import { buildPayload, payloadSchema } from "../../../src/core/webhook/payload.ts";

const message = [
  "Received: from a by b; Tue, 24 Nov 2026 05:00:00 +0000",
  "From: =?utf-8?q?Gr=C3=BC=C3=9Fe?= <ann@site.com>",
  "To: Team: bob@site.com, Carl <carl@site.com>;, dan@site.com",
  "Subject: Two parts",
  "Message-ID: <1@site.com>",
  "Date: Tue, 24 Nov 2026 05:00:00 +0000",
  'Content-Type: multipart/mixed; boundary="b"',
  "",
  "--b",
  "Content-Type: text/plain; charset=iso-8859-1",
  "Content-Transfer-Encoding: quoted-printable",
  "",
  "Gr=FC=DFe",
  "--b",
  "Content-Type: application/pdf",
  'Content-Disposition: attachment; filename="a.pdf"',
  "Content-Transfer-Encoding: base64",
  "",
  "AAECAw==",
  "--b--",
  "",
].join("\r\n");
const facts = {
  id: "01A",
  receivedAt: 0,
  mailFrom: "",
  recipient: "me@here.com",
  ip: "1.1.1.1",
  helo: "a",
  proof: null,
};
const build = async (raw: Uint8Array, more = {}) => payloadSchema.parse(await buildPayload({ ...facts, raw, ...more }));

describe("webhook payload", () => {
  it("holds the message as read and byte for byte", async () => {
    const { type, timestamp, data } = await build(utf8(message));
    expect([type, timestamp]).toEqual(["message.received", "1970-01-01T00:00:00.000Z"]);
    expect(data.envelope).toEqual({ mailFrom: "", recipient: "me@here.com", ip: "1.1.1.1", helo: "a" });
    expect(data.message).toMatchObject({
      trouble: null,
      subject: "Two parts",
      from: { name: "Grüße", address: "ann@site.com" },
      messageId: "<1@site.com>",
      attachments: [{ name: "a.pdf", type: "application/pdf", size: 4, inline: false, contentId: null }],
    });
    expect(data.message.text?.trim()).toBe("Grüße");
    expect(data.message.to.map((one) => one.address)).toEqual(["bob@site.com", "carl@site.com", "dan@site.com"]);
    expect(data.message.headers[0]?.name).toBe("Received");
    expect(data.raw).toMatchObject({ kind: "base64", size: message.length });
    if (data.raw.kind === "base64") expect(fromBase64(data.raw.content)).toEqual(utf8(message));
  });

  it("points to the raw message where it is large", async () => {
    const rawAt = { url: "https://edge.site.com/raw/1", expiresAt: 1000 };
    const { data } = await build(utf8(message), { rawAt });
    expect(data.raw).toEqual({
      kind: "url",
      size: message.length,
      url: "https://edge.site.com/raw/1",
      expiresAt: "1970-01-01T00:00:01.000Z",
    });
  });

  it("still comes when the message is nested without end, and says why it was not read", async () => {
    const boundary = (n: number) => `Content-Type: multipart/mixed; boundary=b${n}\r\n\r\n--b${n}\r\n`;
    const raw = utf8(Array.from({ length: 300 }, (_, n) => boundary(n)).join(""));
    const { data } = await build(raw);
    expect(data.message.trouble).toMatch(/nesting/i);
    expect(data.raw).toMatchObject({ kind: "base64", size: raw.length });
  });

  it("cuts long bodies and header lists, and says so", async () => {
    const fields = "X-A: b\r\n".repeat(3000);
    const { data } = await build(utf8(`${fields}\r\n${"\u{1f600}".repeat(600_000)}`));
    expect(data.message.headers.length).toBe(500);
    expect(data.message.truncated).toBe(true);
    expect(data.message.text?.length).toBe(1024 * 1024);
    expect(data.message.text?.isWellFormed()).toBe(true);
  });

  it("takes anything for a message", async () => {
    for (const raw of [new Uint8Array(0), new Uint8Array([0xff, 0xfe, 0]), utf8("\r\n"), utf8("no colon\r\n\r\nx")])
      expect((await build(raw)).data.message.subject).toBe("");
  });
});
