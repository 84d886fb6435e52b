import PostalMime from "postal-mime";
import { expect, test } from "vitest";
import { utf8Decode } from "../../../src/core/bytes.ts";
import { type Letter, writeLetter } from "../../../src/core/message/letter.ts";

const letter: Letter = {
  from: "no-reply@here.test",
  fromName: "Postern",
  to: "ada@else.test",
  subject: "Hello",
  text: "One line.\nAnother.\n",
  date: 0,
  messageId: "1@here.test",
  fields: [["Auto-Submitted", "auto-generated"]],
};

test("another parser reads back what was written", async () => {
  const subject = `Grüße aus 東京 ${"ä".repeat(60)}`;
  const mail = await PostalMime.parse(writeLetter({ ...letter, subject, fromName: 'Zoë "Z" Ü' }));
  expect(mail).toMatchObject({
    subject,
    from: { name: 'Zoë "Z" Ü', address: letter.from },
    messageId: "<1@here.test>",
  });
  expect(mail.text?.replaceAll("\r\n", "\n")).toBe(letter.text);
  expect(mail.headers.find(({ key }) => key === "auto-submitted")?.value).toBe("auto-generated");
});

test("nothing that people typed makes a field, and no line is too long", async () => {
  const evil = "x\r\nBcc: victim@else.test\r\n\r\nbody";
  const raw = writeLetter({
    ...letter,
    subject: evil,
    fromName: evil,
    fields: [["In-Reply-To", evil]],
    text: "y".repeat(5000),
  });
  const mail = await PostalMime.parse(raw);
  expect(mail.bcc).toBeUndefined();
  expect(mail.text?.trim()).toBe("y".repeat(5000));
  for (const line of utf8Decode(raw).split("\r\n")) expect(line.length).toBeLessThanOrEqual(998);
});

test("plain ASCII goes as it is; a longer line or another character goes as base64", async () => {
  const encodingOf = (text: string) =>
    /^Content-Transfer-Encoding: (.*)\r$/m.exec(utf8Decode(writeLetter({ ...letter, text })))?.[1];
  expect(utf8Decode(writeLetter(letter))).toMatch(/\r\n\r\nOne line\.\r\nAnother\.\r\n$/);
  const texts = ["a", "a\tb\n", "y".repeat(998), "y".repeat(999), "ä", "a\rb", "a\x00b", ""];
  expect(texts.map(encodingOf)).toEqual(["7bit", "7bit", "7bit", "base64", "base64", "base64", "base64", "7bit"]);
  for (const text of ["ends", "ä ends"]) {
    const mail = await PostalMime.parse(writeLetter({ ...letter, text }));
    expect(mail.text?.trim()).toBe(text);
  }
});
