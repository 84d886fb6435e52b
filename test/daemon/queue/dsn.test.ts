import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { type Notification, notification } from "../../../src/daemon/queue/dsn.ts";
import { need } from "../../peers/need.ts";

const facts = (more: Partial<Notification> = {}): Notification => ({
  author: "ann@author.test",
  name: "mx.node.test",
  id: "01JDEMO",
  now: Date.UTC(2026, 10, 24),
  receivedAt: Date.UTC(2026, 10, 19),
  original: utf8("From: ann@author.test\r\nSubject: hi\r\n\r\nsecret body\r\n"),
  failed: [{ recipient: "hello@demo.test", enhanced: "5.1.1", code: 550, text: "The next mail system refused it" }],
  ...more,
});

const script = `
import email, email.policy, json, sys
m = email.message_from_bytes(sys.stdin.buffer.read(), policy=email.policy.default)
parts = list(m.iter_parts())
status = parts[1].get_payload()
print(json.dumps({
  'type': m.get_content_type(), 'report': m.get_param('report-type'), 'from': m['From'], 'to': m['To'], 'auto': m['Auto-Submitted'],
  'parts': [p.get_content_type() for p in parts],
  'status': [[[k, v] for k, v in part.items()] for part in status] if isinstance(status, list) else status,
  'text': parts[0].get_content(), 'defects': [str(d) for p in m.walk() for d in p.defects],
}))
`;

const python = need("python3", ["/usr/bin/python3", "--version"], "notifications are not read by another program");
it.skipIf(!python)("another program reads it as RFC 3464 means it", () => {
  const ran = spawnSync("/usr/bin/python3", ["-c", script], { input: notification(facts()) });
  expect(JSON.parse(ran.stdout.toString())).toEqual({
    type: "multipart/report",
    report: "delivery-status",
    from: "Mail Delivery System <MAILER-DAEMON@mx.node.test>",
    to: "ann@author.test",
    auto: "auto-replied",
    parts: ["text/plain", "message/delivery-status", "text/rfc822-headers"],
    status: [
      [
        ["Reporting-MTA", "dns;mx.node.test"],
        ["Arrival-Date", "Thu, 19 Nov 2026 00:00:00 +0000"],
      ],
      [
        ["Final-Recipient", "rfc822;hello@demo.test"],
        ["Action", "failed"],
        ["Status", "5.1.1"],
        ["Diagnostic-Code", "smtp;550 5.1.1"],
      ],
    ],
    text: expect.stringMatching(/hello@demo\.test\r?\n {4}5\.1\.1 The next mail system refused it/),
    defects: [],
  });
});

it("gives back the header and never the body", () => {
  const text = Buffer.from(notification(facts())).toString();
  expect(text).toContain("Subject: hi");
  expect(text).not.toContain("secret body");
});

it("speaks RFC 6533 where addresses are not ASCII", () => {
  const [failed] = facts().failed;
  const text = Buffer.from(
    notification(facts({ failed: [{ ...failed, recipient: "почта@demo.test" } as never] })),
  ).toString();
  expect(text).toContain("Content-Type: message/global-delivery-status");
  expect(text).toContain("Final-Recipient: utf-8;почта@demo.test");
});

it("is no amplifier, and writes no field that an address or a text asks for", () => {
  const huge = utf8(`X: ${"y".repeat(70)}\r\n`.repeat(10_000));
  expect(notification(facts({ original: huge })).length).toBeLessThan(40_000);
  const evil = { recipient: "a>\r\nBcc: b@c.test\r\n@demo.test", enhanced: "5.0.0", code: null, text: "x\r\nY: z" };
  const text = Buffer.from(notification(facts({ author: "a\r\nBcc: x@y.test", failed: [evil] }))).toString();
  expect(text).not.toMatch(/^(Bcc|Y):/m);
});
