import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { loopMark } from "../../../src/core/contract/trace.ts";
import { limits } from "../../../src/core/limits.ts";
import { addressText, foldAddress, foldDomain, foldLocal } from "../../../src/core/rules/address.ts";
import { type Candidates, resolve } from "../../../src/core/rules/aliases.ts";
import { goesRound } from "../../../src/core/rules/loops.ts";
import type { Alias, AliasKind, Destination, MailboxRef, Route, Target } from "../../../src/core/rules/route.ts";

const files = import.meta.glob<string>("../../cases/rules/precedence.txt", {
  query: "?raw",
  import: "default",
  eager: true,
});

function mailbox(id: string, address = `${id}@boxes.test`): MailboxRef {
  return { id, address, node: "n1", epoch: 0, publicKey: "", keyId: "", quotaBytes: 1e9, usedBytes: 0 };
}

function destination(text: string, id: string): Destination {
  const at = text.indexOf(":");
  const kind = text.slice(0, at) as Destination["kind"];
  const [target = "", route] = text.slice(at + 1).split("/");
  const [host = "", port] = (route ?? "").split(":");
  return {
    id,
    kind,
    target: kind === "alias" ? `${target}@here.test` : target,
    route: route === undefined ? null : { host, port: Number(port) },
    paused: false,
  };
}

let made = 0;
function alias(kind: AliasKind, pattern: string, destinations: Destination[], disabledReply?: number): Alias {
  const id = `a${String(++made).padStart(4, "0")}`;
  const state = disabledReply === undefined ? "active" : "disabled";
  return { id, kind, pattern, state, disabledReply: disabledReply ?? 550, createdAt: made, destinations };
}

class Setting {
  readonly aliases: Alias[] = [];
  readonly own = new Map<string, MailboxRef>();

  add(line: string): void {
    const [head = "", tail = ""] = line.split(" > ");
    const [kind = "", pattern = "", off] = head.split(" ");
    if (kind === "owns") {
      this.own.set(pattern, mailbox(off ?? ""));
      return;
    }
    const destinations = tail.split(" ").map((text, i) => destination(text, `d${i}`));
    this.aliases.push(alias(kind as AliasKind, pattern, destinations, (off && Number(off.slice(1))) || undefined));
  }

  candidates(base: string): Candidates {
    return {
      aliases: this.aliases,
      nested: new Map(this.aliases.filter((a) => a.kind === "exact").map((a) => [`${a.pattern}@here.test`, a])),
      mailboxes: new Map(["m1", "m2"].map((id) => [id, mailbox(id)])),
      own: this.own.get(base) ?? null,
      endpointsOff: new Set(),
      owner: "owner@home.test",
    };
  }

  ask(local: string): Route {
    const address = foldAddress(`${local}@here.test`);
    if (address === null) throw new Error(`no address: ${local}`);
    return resolve(address, this.candidates(address.local.split("+")[0] ?? ""));
  }
}

function shown(target: Target): string {
  if (target.kind === "mailbox") return `mailbox:${target.mailbox.id}`;
  if (target.kind === "webhook") return `webhook:${target.url}`;
  return `address:${target.address}${target.route === null ? "" : `/${target.route.host}:${target.route.port}`}`;
}

function outcome(route: Route): string {
  if (route.kind === "dropped") return "dropped";
  const skips = route.skips.map(({ target, why }) => `${target} ${why}`).join(" ");
  const end = skips === "" ? "" : ` | ${skips}`;
  return route.kind === "refused" ? `${route.reason}${end}` : `${route.targets.map(shown).join(" ")}${end}`;
}

for (const text of Object.values(files)) {
  for (const block of text.split(/^== /m).slice(1)) {
    const [title = "", ...lines] = block.split("\n");
    test(title, () => {
      const setting = new Setting();
      const asked = lines.filter((line) => line.startsWith("mail "));
      for (const line of lines) if (line !== "" && !line.startsWith("mail ")) setting.add(line);
      expect(asked.length).toBeGreaterThan(0);
      for (const line of asked) {
        const [question = "", wanted] = line.slice(5).split(" -> ");
        expect(`${question} -> ${outcome(setting.ask(question))}`).toBe(`${question} -> ${wanted}`);
      }
    });
  }
}

describe("folding", () => {
  test.each([
    ["Ada@EXAMPLE.test", "ada@example.test"],
    ["ada@bücher.example", "ada@xn--bcher-kva.example"],
    ["ada@example.test.", "ada@example.test"],
    ["用户@例子.test", "用户@xn--fsqu00a.test"],
    ["a+b@x.test", "a+b@x.test"],
  ])("%s is %s", (text, folded) => {
    const address = foldAddress(text);
    expect(`${address?.local}@${address?.domain}`).toBe(folded);
  });
  test.each([
    "",
    "@",
    "a@",
    "@b.test",
    "a b@c.test",
    '"a b"@c.test',
    ".a@c.test",
    "a..b@c.test",
    "a@localhost",
    "a@127.0.0.1",
    "a@[::1]",
    "a@c.test:25",
    "a@b@c.test",
    "a@x.test/y",
    `${"a".repeat(65)}@x.test`,
  ])("%s is no address", (text) => expect(foldAddress(text)).toBeNull());
  test("a name of 254 characters is no domain", () => {
    expect(foldDomain(`${"a.".repeat(126)}bc`)).toBeNull();
    expect(foldLocal("a\u0000")).toBeNull();
  });
});

const local = fc.constantFrom("a", "b", "c", "a+t", "b+t");
const anyDestination = fc.oneof(
  local.map((name) => `address:${name}@here.test`),
  local.map((name) => `alias:${name.split("+")[0]}`),
  fc.constantFrom("domain:here.test", "domain:out.test", "mailbox:m1", "address:$1@here.test", "address:x@out.test"),
);
const anyAlias = fc.record({
  head: fc.constantFrom("exact a", "exact b", "exact c", "wildcard a*", "wildcard *b", "regex ^(.)$", "catch-all *"),
  destinations: fc.array(anyDestination, { minLength: 1, maxLength: 60 }),
});

test("no set of aliases fans out past the bound or mails an address to itself", () => {
  fc.assert(
    fc.property(fc.array(anyAlias, { maxLength: 6 }), local, (aliases, recipient) => {
      const setting = new Setting();
      for (const { head, destinations } of aliases) setting.add(`${head} > ${destinations.join(" ")}`);
      const route = setting.ask(recipient);
      if (route.kind !== "found") return;
      expect(route.targets.length).toBeLessThanOrEqual(limits.fanOut);
      expect(new Set(route.targets.map(shown)).size).toBe(route.targets.length);
      const own = `${recipient.split("+")[0]}@here.test`;
      const plain = route.targets.map((target) =>
        target.kind === "address" ? target.address.replace(/\+[^@]*/, "") : "",
      );
      expect(plain).not.toContain(own);
    }),
    { numRuns: 500 },
  );
});

/** Everything that one message becomes when all its forwarded copies come back through this domain. */
function copiesOf(setting: Setting, recipient: string, marks: readonly string[]): number {
  const address = foldAddress(recipient);
  if (address === null || address.domain !== "here.test" || goesRound(marks, addressText(address))) return 0;
  const route = setting.ask(address.local);
  if (route.kind !== "found") return 0;
  const mark = loopMark(addressText(address))
    .trim()
    .replace(/^[^:]*: /, "");
  let copies = 0;
  for (const target of route.targets) {
    copies++;
    if (target.kind === "address") copies += copiesOf(setting, target.address, [...marks, mark]);
  }
  return copies;
}

test("no set of aliases makes a forwarding loop, or more copies than three turns of the fan-out", () => {
  const grow = fc.constantFrom(
    "address:$1a@here.test",
    "address:$1b@here.test",
    "address:b@here.test",
    "alias:a",
    "mailbox:m1",
  );
  const multiplying = fc.record({
    head: fc.constantFrom("exact a", "exact b", "regex ^(.*)$", "wildcard *", "catch-all *"),
    destinations: fc.array(grow, { minLength: 1, maxLength: 5 }),
  });
  fc.assert(
    fc.property(fc.array(multiplying, { minLength: 1, maxLength: 5 }), (aliases) => {
      const setting = new Setting();
      for (const { head, destinations } of aliases) setting.add(`${head} > ${destinations.join(" ")}`);
      const { fanOut, forwards } = limits;
      const most = Array.from({ length: forwards }, (_, i) => fanOut ** (i + 1)).reduce((sum, n) => sum + n, 0);
      expect(copiesOf(setting, "a@here.test", [])).toBeLessThanOrEqual(most);
    }),
    { numRuns: 300 },
  );
});

test("resolution among every pattern a domain may have stays within two milliseconds", () => {
  const setting = new Setting();
  for (let i = 0; i < limits.patternAliases; i++)
    setting.add(i % 2 ? `wildcard w${i}-*-x > mailbox:m1` : `regex ^r${i}-(\\w+)-(\\d{1,4})$ > address:$1@out.test`);
  setting.add("catch-all * > mailbox:m1");
  const ask = (): Route => setting.ask("r298x-somebody-with-a-long-name-12345");
  for (let i = 0; i < 50; i++) ask();
  const times = Array.from({ length: 50 }, () => {
    const started = performance.now();
    ask();
    return performance.now() - started;
  });
  expect(times.sort((a, b) => a - b)[25]).toBeLessThan(2);
});
