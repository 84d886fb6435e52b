import fc from "fast-check";
import { expect, it } from "vitest";
import { srs } from "../../../src/daemon/queue/srs.ts";

const day = 86_400_000;
const start = Date.UTC(2026, 10, 24);
const secret = new Uint8Array(32).fill(1);
const at = (now: number, secrets = [secret]) => srs({ secrets, clock: () => now });

const atom = fc.stringMatching(/^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,20}$/);
const quoted = fc.stringMatching(/^[ a-z@=<>.,]{1,12}$/).map((text) => `"${text}"`);
const utf8 = fc.constantFrom("ünal", "почта", "用户");
const local = fc.oneof(atom, quoted, utf8);
const label = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?$/);
const domain = fc.tuple(label, label).map(([a, b]) => `${a}.${b}.test`);
const address = fc.tuple(local, domain).map(([l, d]) => `${l}@${d}`);
// Quotes that change nothing may fall away: RFC 5321 §4.1.2 makes both spellings the same mailbox.
const same = (text: string) => text.replace(/^"([^\s"(),:;<>@[\\\]]+)"@/, "$1@");

it("brings every bounce back to the author, over any number of forwarders", () => {
  fc.assert(
    fc.property(
      address,
      fc.uniqueArray(fc.tuple(domain, fc.uint8Array({ minLength: 32, maxLength: 32 })), {
        selector: ([d]) => d,
        minLength: 1,
        maxLength: 5,
      }),
      fc.integer({ min: 0, max: 21 }),
      (author, hops, age) => {
        const forwarders = hops.map(([name, key]) => ({
          name,
          now: at(start, [key]),
          later: at(start + age * day, [key]),
        }));
        let path = author;
        for (const { name, now } of forwarders) path = now.forward(path, name);
        // Each host gets its bounce and passes it on; SRS1 jumps from the last straight to the first.
        for (let steps = 0; same(path) !== same(author); steps++) {
          const host = path.slice(path.lastIndexOf("@") + 1);
          const reading = forwarders.find(({ name }) => name === host)?.later.reverse(path);
          if (reading?.kind !== "ours") throw new Error(`${path} does not come back: ${reading?.kind}`);
          path = reading.address;
          expect(steps).toBeLessThan(3);
        }
      },
    ),
  );
});

it("survives hosts that fold the case of local parts", () => {
  fc.assert(
    fc.property(address, (author) => {
      const reading = at(start).reverse(at(start).forward(author, "demo.test").toLowerCase());
      expect(reading).toMatchObject({ kind: "ours", address: expect.stringMatching(/./) });
      if (reading?.kind === "ours") expect(same(reading.address.toLowerCase())).toBe(same(author.toLowerCase()));
    }),
  );
});

it("refuses any address that it did not make, and any that was changed", () => {
  const good = at(start).forward("ann@author.test", "demo.test");
  expect(good).toMatch(/^SRS0=[a-z2-7]{10}=[a-z2-7]{2}=author\.test=ann@demo\.test$/);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.constantFrom(..."abcxyz237=@.".split("")), (where, letter) => {
      const changed = good.slice(0, where) + letter + good.slice(where + 1);
      fc.pre(changed.toLowerCase() !== good.toLowerCase());
      expect(at(start).reverse(changed)?.kind ?? null).not.toBe("ours");
    }),
  );
  expect(at(start, [new Uint8Array(32).fill(2)]).reverse(good)).toEqual({ kind: "forged" });
  fc.assert(
    fc.property(fc.string(), (text) => {
      expect(["forged", null]).toContain(at(start).reverse(`SRS0=${text}@demo.test`)?.kind ?? null);
    }),
  );
});

it("forgets an address after three weeks, and still knows it was its own", () => {
  const made = at(start).forward("ann@author.test", "demo.test");
  expect(at(start + 21 * day).reverse(made)?.kind).toBe("ours");
  expect(at(start + 22 * day).reverse(made)?.kind).toBe("expired");
});

it("accepts addresses signed with the secret before", () => {
  const old = new Uint8Array(32).fill(3);
  const made = at(start, [old]).forward("ann@author.test", "demo.test");
  expect(at(start, [secret, old]).reverse(made)?.kind).toBe("ours");
  expect(at(start, [secret]).reverse(made)?.kind).toBe("forged");
});

const cases: [string, string, RegExp | string][] = [
  ["the null path stays null", "", ""],
  ["its own address stays", "me@Demo.test", "me@Demo.test"],
  ["an author is wrapped", "ann@author.test", /^SRS0=.{10}=..=author\.test=ann@demo\.test$/],
  [
    "an SRS0 becomes SRS1",
    "SRS0=xyz=AB=author.test=ann@first.test",
    /^SRS1=.{10}=first\.test==xyz=AB=author\.test=ann@demo\.test$/,
  ],
  [
    "an SRS0 with other separators is kept",
    "SRS0+xyz=AB=a.test=ann@first.test",
    /^SRS1=.{10}=first\.test=\+xyz=AB=a\.test=ann@demo\.test$/,
  ],
  [
    "an SRS1 stays as long as it is",
    "SRS1=hash=first.test==xyz=AB=a.test=ann@second.test",
    /^SRS1=.{10}=first\.test==xyz=AB=a\.test=ann@demo\.test$/,
  ],
];
for (const [name, from, to] of cases) {
  it(name, () => {
    const made = at(start).forward(from, "demo.test");
    if (typeof to === "string") expect(made).toBe(to);
    else expect(made).toMatch(to);
  });
}

it("leaves addresses alone that only look a little like it", () => {
  for (const text of ["srsly@demo.test", "SRS2=a=b@demo.test", "SRS0@demo.test", "SRS0", ""])
    expect(at(start).reverse(text)).toBe(null);
});
