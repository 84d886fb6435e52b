import { describe, expect, it } from "vitest";
import { importAliases, importSources } from "../../../../src/core/rules/import/import.ts";
import { show } from "../cases.ts";

const files = import.meta.glob<string>("../../../cases/rules/import/*.txt", {
  query: "?raw",
  import: "default",
  eager: true,
});
const domain = "example.com";

// Three parts with `---` between: settings, the file to import, every line that must come out.
function partsOf(file: string) {
  const [settings = "", text = "", expected = ""] = file.split(/^---\n/m);
  const words = settings.split("\n").map((line) => line.split(" "));
  const source = importSources.find((one) => one === words.find(([key]) => key === "source")?.[1]);
  if (source === undefined) throw new Error("no source");
  const fallback = words.find(([key]) => key === "fallback")?.[1];
  const mailboxes = new Map(
    words.flatMap(([key, address = "", id = ""]) => (key === "mailbox" ? [[address, id]] : [])),
  );
  const options = { domain, mailboxes, ...(fallback === undefined ? {} : { fallback }) };
  return { source, text, options, expected: expected.split("\n").filter((line) => line !== "") };
}

describe("imports", () => {
  it.each(Object.entries(files))("%s", (_, file) => {
    const { source, text, options, expected } = partsOf(file);
    expect(show(importAliases(source, text, options))).toEqual(expected);
    // As a spreadsheet saves it.
    expect(show(importAliases(source, `\ufeff${text.replaceAll("\n", "\r\n")}`, options))).toEqual(expected);
  });

  it("turn an address of the domain into its mailbox or alias", () => {
    const text = "alias,destinations\r\na,me@example.com\r\nb,a@example.com\r\nc,c@example.com";
    const options = { domain, mailboxes: new Map([["me@example.com", "01BOX"]]) };
    const csv = importAliases("simplelogin", text.replace("destinations", "mailboxes"), options);
    expect(show(csv)).toEqual(["exact a -> mailbox:01BOX", "exact b -> alias:a@example.com", "error loop 4"]);
    // What a file of our own says is meant so.
    const own = importAliases("postern", text, options);
    expect(show(own)).toEqual(["exact a -> me@example.com", "exact b -> a@example.com", "exact c -> c@example.com"]);
  });

  it.each([
    "",
    "{",
    "[",
    "null",
    "{}",
    "[1,null,[],{}]",
    "a\0b",
    '{"aliases":{"__proto__":[]}}',
    "alias\n\n\n",
    '"',
    "=1+1",
    "[[[[",
  ])("take nothing from %j, and say so or not, but never throw", (text) => {
    for (const source of importSources) expect(importAliases(source, text, { domain }).aliases).toEqual([]);
  });

  it("say which forms a service exports", () => {
    expect(importAliases("cloudflare", "alias,b", { domain }).problems[0]?.text).toContain("JSON");
    expect(importAliases("simplelogin", "[]", { domain }).problems[0]?.text).toContain("CSV");
  });

  it("stop at ten thousand aliases and at a hundred problems", () => {
    const lines = Array.from({ length: 10_500 }, (_, i) => `a${i}@example.com,me@x.com`);
    expect(importAliases("simplelogin", `alias,mailboxes\n${lines.join("\n")}`, { domain }).problems[0]?.code).toBe(
      "bad-file",
    );
    const json = JSON.stringify(
      Array.from({ length: 10_500 }, (_, i) => ({ name: `a${i}`, recipients: ["me@x.com"] })),
    );
    const many = importAliases("forward-email", json, { domain });
    expect(many.aliases.length).toBe(10_000);
    expect(many.problems).toMatchObject([{ code: "too-many-aliases" }]);
    const bad = JSON.stringify(Array.from({ length: 500 }, () => ({ name: "a b", recipients: ["me@x.com"] })));
    const { problems } = importAliases("forward-email", bad, { domain });
    expect(problems.length).toBe(101);
    expect(problems.at(-1)?.text).toContain("400 more");
  });
});
