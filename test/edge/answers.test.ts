/** Automatic answers as the edge carries them out: once per sender, with a null reverse-path, through a node. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodePaths, relayJobSchema } from "../../src/core/contract/handoff.ts";
import { letterText } from "../letter-text.ts";
import { type Edge, letter, openFor, startEdge } from "./world.ts";

const zones = { "good.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] } };
let edge: Edge;

beforeAll(async () => {
  edge = await startEdge(zones);
  await edge.addNode();
  const domain = await edge.addDomain("here.test", await edge.addAccount("owner@home.test", true));
  const box = await edge.addMailbox(domain, "box@here.test");
  const alias = await edge.addAlias(domain, "me", [["mailbox", box.mailboxId]]);
  await edge.insert("vacation", { alias, subject: "", text: "Back on Monday.\nÜber alles andere später." });
});
afterAll(() => edge.close());

const deliver = (subject: string, from = "ada@good.test") => {
  const raw = letter(from, subject).replace("somebody@example.test", "me@here.test");
  return edge.deliver({ from, to: ["me@here.test"], raw });
};
const answers = () => edge.node.taken.filter(({ path }) => path === nodePaths.relay);

test("the first message of a sender is answered, the second is not", async () => {
  expect((await deliver("Plans")).outcomes[0]?.kind).toBe("accepted");
  const call = await edge.node.next(({ path }) => path === nodePaths.relay);
  const { head, raw } = openFor(edge.node.transit, call.body);
  expect(relayJobSchema.parse(head)).toMatchObject({ mailFrom: "", domain: "here.test", recipient: "ada@good.test" });
  const text = Buffer.from(raw).toString();
  expect(text).toContain("From: <me@here.test>\r\n");
  expect(text).toContain("Subject: Auto: Plans\r\n");
  expect(text).toContain("Auto-Submitted: auto-replied\r\n");
  expect(text).toMatch(/In-Reply-To: <[^>]+@good.test>\r\n/);
  expect(letterText(text)).toContain("Über alles");
  await deliver("Plans again");
  await deliver("unproven", "eve@evil.test");
  await expect.poll(async () => (await edge.env.SPOOL.list()).objects.length, { timeout: 20_000 }).toBe(0);
  expect(answers()).toHaveLength(1);
});
