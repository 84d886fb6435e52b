import { describe, expect, test } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { readHeader } from "../../../src/core/message/header.ts";
import type { Proof } from "../../../src/core/proof/types.ts";
import { answerSubject, messageIdOf, obstacleTo, type Vacation } from "../../../src/core/rules/vacation.ts";

const vacation: Vacation = { alias: "a", subject: "", text: "away", startsAt: 100, endsAt: 200, everyDays: 7 };
const recipient = { local: "me+x", domain: "here.test" };

function proof(spf: Proof["spf"]["result"], disposition: Proof["dmarc"]["disposition"] = "none"): Proof {
  const mailfrom = { identity: "mailfrom", domain: "", mechanism: null, explanation: null, reason: "" } as const;
  const alignment = { spf: "none", dkim: "none" } as const;
  const dmarc = {
    result: "none",
    policy: "none",
    disposition,
    domain: "",
    policyDomain: "",
    alignment,
    reason: "",
  } as const;
  return {
    spf: { result: spf, ...mailfrom },
    dkim: [],
    dmarc,
    arc: { cv: "none", instances: 0, sealer: null, reason: "" },
    iprev: { result: "none", name: null },
    bimi: { result: "none", location: null },
  };
}

function obstacle(fields: string[], more: { mailFrom?: string; proof?: Proof; now?: number } = {}): string | null {
  const header = readHeader(utf8(`${fields.join("\r\n")}\r\n\r\n`));
  const occasion = { header, recipient, mailFrom: "ada@else.test", proof: proof("pass"), now: 150, ...more };
  return obstacleTo(vacation, occasion);
}

const to = "To: Me <me@here.test>";

describe("who is answered (RFC 3834 §2)", () => {
  test("a person who wrote to this very address", () => {
    expect(obstacle([to])).toBeNull();
    expect(obstacle(["Cc: other@x.test, ME+tag@HERE.test"])).toBeNull();
    expect(obstacle([to, "Auto-Submitted: no"])).toBeNull();
  });
  test.each<[string, string[], Parameters<typeof obstacle>[1]]>([
    ["no-sender", [to], { mailFrom: "" }],
    ["robot", [to], { mailFrom: "MAILER-DAEMON@else.test" }],
    ["robot", [to], { mailFrom: "owner-list@else.test" }],
    ["robot", [to], { mailFrom: "no-reply@else.test" }],
    ["own-address", [to], { mailFrom: "me@here.test" }],
    ["automatic", [to, "Auto-Submitted: auto-replied"], {}],
    ["automatic", [to, "X-Auto-Response-Suppress: All"], {}],
    ["list", [to, "List-Id: <a.b>"], {}],
    ["list", [to, "Precedence: bulk"], {}],
    ["not-addressed", ["To: undisclosed-recipients:;"], {}],
    ["not-addressed", ["To: me@elsewhere.test"], {}],
    ["not-proven", [to], { proof: proof("softfail") }],
    ["junk", [to], { proof: proof("pass", "quarantine") }],
    ["not-away", [to], { now: 99 }],
    ["not-away", [to], { now: 201 }],
  ])("%s: %j", (wanted, fields, more) => expect(obstacle(fields, more)).toBe(wanted));
});

test("the answer names what it answers, and nothing can be smuggled in", () => {
  const header = readHeader(utf8("Subject: Plans\r\nMessage-ID: <1@x.test>\r\n\r\n"));
  expect(answerSubject(vacation, header)).toBe("Auto: Plans");
  expect(answerSubject({ ...vacation, subject: "Away" }, header)).toBe("Away");
  expect(messageIdOf(header)).toBe("<1@x.test>");
  expect(messageIdOf(readHeader(utf8("Message-ID: <1@x> <2@y>\r\n\r\n")))).toBeNull();
});
