/** A mailbox moves from one node to another and back, with mail filed, sealed, spooled and under way; and what hurts it on the way. */
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { ImapFlow } from "imapflow";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { fromBase64, utf8 } from "../../src/core/bytes.ts";
import { nodePaths } from "../../src/core/contract/handoff.ts";
import { portablePrimitives } from "../../src/core/seal/primitives.ts";
import { sealedBytes, sealMessage } from "../../src/core/seal/seal.ts";
import { postern } from "../postern.ts";
import { asEdge, type Fate, type SecondNode, secondNode } from "./second-node.ts";
import { emailEvent, eventually, type TestWorld, testWorld } from "./world.ts";

let world: TestWorld;
let second: SecondNode;

beforeAll(async () => {
  world = await testWorld();
  second = await secondNode(world);
});
afterAll(async () => {
  await second?.close();
  await world?.close();
});
afterEach(() => {
  second.doors.toEdge = () => "pass";
  second.doors.fromFirst = () => true;
  second.doors.onLost = () => undefined;
});

type Which = "first" | "second";
const idOf = (which: Which): string => (which === "first" ? world.secrets.nodeId : second.id);
const folderAt = (which: Which): string[] => {
  const folder = join(which === "first" ? join(world.folder, "node") : second.dir, "mailboxes");
  return existsSync(folder) ? readdirSync(folder) : [];
};

async function inside<T>(which: Which, work: (client: ImapFlow) => Promise<T>): Promise<T> {
  const { address, password } = world.endpoints.mailbox;
  const client = new ImapFlow({
    host: "localhost",
    port: which === "first" ? world.endpoints.imaps.port : (second.ports["imaps"] ?? 0),
    secure: true,
    tls: { ca: readFileSync(world.endpoints.ca) },
    auth: { user: address, pass: password },
    logger: false,
  });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.logout().catch(() => client.close());
  }
}

/** Why a login fails; null: it does not. */
const refusal = (which: Which): Promise<string | null> =>
  inside(which, async () => null).catch((error: { responseText?: string; serverResponseCode?: string }) =>
    String(error.serverResponseCode ?? error.responseText),
  );

type Found = { subject: string; uid: number; flags: string[]; source: string };
const contents = (which: Which, folder = "INBOX"): Promise<{ validity: string; all: Found[] }> =>
  inside(which, async (client) => {
    const box = await client.mailboxOpen(folder);
    const rows = box.exists === 0 ? [] : await client.fetchAll("1:*", { envelope: true, flags: true, source: true });
    const all = rows.map(({ envelope, uid, flags, source }) => ({
      subject: envelope?.subject ?? "",
      uid,
      flags: [...(flags ?? [])].sort(),
      source: source?.toString("latin1") ?? "",
    }));
    return { validity: String(box.uidValidity), all };
  });

/** `size`: kilobytes that can't be packed. */
const letter = (subject: string, size = 0): Buffer =>
  Buffer.from(
    `From: ann@plain.test\r\nTo: hello@demo.test\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@plain.test>\r\nDate: Tue, 24 Nov 2026 05:00:00 +0000\r\n\r\n${subject} ${noise(subject, size)}\r\n`,
  );
const noises = new Map<string, string>();
function noise(subject: string, size: number): string {
  const lines = () => Array.from({ length: size * 16 }, () => randomBytes(31).toString("hex"));
  noises.set(subject, noises.get(subject) ?? lines().join("\r\n"));
  return noises.get(subject) ?? "";
}
async function mail(subject: string, size = 0): Promise<void> {
  expect((await emailEvent(world, "ann@plain.test", "hello@demo.test", letter(subject, size))).outcome).toBe("ok");
}
const subjectsAt = (which: Which): Promise<string[]> =>
  inside(which, async (client) => {
    await client.mailboxOpen("INBOX");
    return (await client.fetchAll("1:*", { envelope: true })).map(({ envelope }) => envelope?.subject ?? "");
  });
const arrived = (which: Which, subject: string): Promise<unknown> =>
  eventually(subject, async () => ((await subjectsAt(which)).includes(subject) ? true : null), 90_000);

const call = (which: Which, path: string, id: string, body: Uint8Array<ArrayBuffer>, about = {}): Promise<string> => {
  const port = which === "first" ? world.endpoints.handoff.port : (second.ports["handoff"] ?? 0);
  return asEdge(world, { id: idOf(which), port }, { path, id, body, about });
};
const nudge = (which: Which): Promise<unknown> => call(which, nodePaths.beat, "beat", utf8("{}")).catch(() => null);

function handOver(which: Which, id: string, epoch: number): Promise<string> {
  const { publicKey, keyId } = world.demo.mailbox;
  const inner = {
    receivedAt: Date.now(),
    mailFrom: "",
    recipient: "hello@demo.test",
    folder: "INBOX",
    flags: [],
    trace: "",
    proofSummary: "",
  };
  const to = { publicKey: fromBase64(publicKey), keyId, inner, raw: letter(id) };
  const sealed = sealedBytes(sealMessage(to, portablePrimitives));
  return call(which, nodePaths.message, id, sealed, { mailbox: world.demo.mailbox.id, epoch });
}

const moveSchema = z.object({ id: z.string(), state: z.string(), trouble: z.string() });
type Move = z.infer<typeof moveSchema>;
const ask = async (to: Which): Promise<Move> =>
  moveSchema.parse(
    await second.api("POST", "/api/moves", { address: world.endpoints.mailbox.address, node: idOf(to) }),
  );
const look = async ({ id }: Move): Promise<Move> =>
  moveSchema.parse(await second.api("GET", `/api/moves/${id}`, undefined));
const ended = (move: Move, state: "moved" | "cancelled"): Promise<Move> =>
  eventually(
    `the move ${state}`,
    async () => {
      // Else it is tried again every half minute.
      await Promise.all([nudge("first"), nudge("second")]);
      const now = await look(move);
      return now.state === state ? now : null;
    },
    90_000,
  );
const boxSchema = z.object({ node: z.string(), waiting: z.int(), revision: z.int(), appliedRevision: z.int() });
const boxNow = async () =>
  boxSchema.parse(await second.api("GET", `/api/mailboxes/${world.demo.mailbox.id}`, undefined));
/** The node has told the edge that it serves it. Who knocks before that is taken for somebody who guesses. */
const servedAt = (which: Which): Promise<unknown> =>
  eventually(
    `it served at the ${which} node`,
    async () => {
      await nudge(which);
      const { node, revision, appliedRevision } = await boxNow();
      return node === idOf(which) && revision === appliedRevision ? true : null;
    },
    90_000,
  );
const erasedAt = (which: Which): Promise<unknown> =>
  eventually(
    `nothing at the ${which} node`,
    async () => {
      await nudge(which);
      return folderAt(which).length === 0 ? true : null;
    },
    90_000,
  );

test("one command moves it all: what was filed, what waits sealed at the node, what waits at the edge", async () => {
  for (const subject of ["filed-1", "filed-2", "filed-3"]) await mail(subject);
  expect(await handOver("first", "by-hand", 0)).toBe('200 {"status":"stored"}');
  for (const subject of ["filed-1", "filed-2", "filed-3", "by-hand"]) await arrived("first", subject);
  await inside("first", async (client) => {
    await client.mailboxCreate("Work");
    await client.mailboxOpen("INBOX");
    await client.messageFlagsAdd("1", ["\\Flagged", "$Later"]);
    await client.messageMove({ subject: "filed-2" }, "Work");
  });
  const [before, work] = [await contents("first"), await contents("first", "Work")];
  // Nobody is logged in from here on, so it waits sealed; then the node is away, so it waits at the edge.
  await world.node.stop();
  await world.node.start();
  await mail("sealed");
  await eventually("it sealed at the node", async () => ((await boxNow()).waiting === 1 ? true : null));
  await world.node.stop();
  await mail("spooled", 300);
  await world.node.start();
  second.doors.toEdge = async (path): Promise<Fate> => {
    if (path !== "/node/move") return "pass";
    await mail("during");
    expect((await refusal("first")) ?? "").toBe("UNAVAILABLE");
    return "pass";
  };
  const { edge, mailbox, admin } = world.endpoints;
  const args = ["mailbox", "move", mailbox.address, second.id, "--edge", edge, "--email", admin.email];
  expect(await postern(args, admin.password)).toMatchObject({ code: 0, out: "moved\n" });
  await servedAt("second");
  for (const subject of ["sealed", "spooled", "during"]) await arrived("second", subject);
  const after = await contents("second");
  expect(after.validity).toBe(before.validity);
  expect(after.all.slice(0, before.all.length)).toEqual(before.all);
  expect(await contents("second", "Work")).toEqual(work);
  expect(after.all.map(({ subject }) => subject).sort()).toEqual([
    "by-hand",
    "during",
    "filed-1",
    "filed-3",
    "sealed",
    "spooled",
  ]);
  const big = after.all.find(({ subject }) => subject === "spooled");
  expect(big?.source.endsWith(letter("spooled", 300).toString("latin1"))).toBe(true);
  await erasedAt("first");
  expect(await handOver("first", "by-hand", 0)).toMatch(/^410 /);
  expect(await handOver("second", "by-hand", 1)).toBe('200 {"status":"duplicate"}');
  expect(await refusal("first")).toBe("AUTHENTICATIONFAILED");
});

describe("hurt on its way", () => {
  const points: string[] = [];
  afterAll(() => console.log(points.join("\n")));
  let n = 0;

  /** From the first node to the second, with this fault, and back without; nothing is lost, nothing comes twice, UIDs and flags stay. */
  async function survives(name: string, hurt: () => Promise<Move>): Promise<void> {
    await backAtFirst();
    const before = await contents("first");
    const move = await hurt();
    const underway = `under-way-${n++}`;
    await mail(underway);
    await ended(move, "moved");
    await servedAt("second");
    await arrived("second", underway);
    await erasedAt("first");
    second.doors.toEdge = () => "pass";
    second.doors.fromFirst = () => true;
    second.doors.onLost = () => undefined;
    const after = await contents("second");
    expect(after.validity).toBe(before.validity);
    expect(after.all.slice(0, before.all.length)).toEqual(before.all);
    expect(after.all.slice(before.all.length).map(({ subject }) => subject)).toEqual([underway]);
    await backAtFirst();
    expect(await contents("first")).toEqual(after);
    points.push(`${name}: ${after.all.length} messages, each once, there and back`);
  }
  async function backAtFirst(): Promise<void> {
    if ((await boxNow()).node !== idOf("first")) await ended(await ask("first"), "moved");
    await servedAt("first");
  }
  const isHere = (path: string, body: string): boolean => path === "/node/move" && body.includes('"here"');
  /** True for the first time. */
  const once = (): (() => boolean) => {
    let left = 1;
    return () => left-- > 0;
  };

  test("kill -9 of the old node while it gives the mailbox out", async () => {
    await backAtFirst();
    for (const subject of ["big-1", "big-2", "big-3"]) await mail(subject, 1500);
    await arrived("first", "big-3");
    await survives("old node killed in the middle of the stream", () => {
      const first = once();
      second.doors.fromFirst = (bytes) => {
        if (bytes < 1_000_000 || !first()) return true;
        process.kill(world.node.pid ?? 0, "SIGKILL");
        return false;
      };
      return ask("second");
    });
  });

  test("the connection between the nodes cut again and again", () =>
    survives("stream cut three times", () => {
      let cuts = 3;
      second.doors.fromFirst = (bytes) => bytes < 500_000 * cuts || cuts-- <= 0;
      return ask("second");
    }));

  test("kill -9 of the new node when all is there, and before the edge was told", () =>
    survives("new node killed before it told the edge", () => {
      const first = once();
      second.doors.toEdge = (path, body) => {
        if (!isHere(path, body) || !first()) return "pass";
        process.kill(second.child.pid ?? 0, "SIGKILL");
        return "drop";
      };
      return ask("second");
    }));

  test("kill -9 of the new node when the edge knows, and before the answer came", () =>
    survives("new node killed before it heard the answer", () => {
      const first = once();
      second.doors.toEdge = (path, body) => (isHere(path, body) && first() ? "lose" : "pass");
      second.doors.onLost = () => void process.kill(second.child.pid ?? 0, "SIGKILL");
      return ask("second");
    }));

  test("the edge's answer lost, twice", () =>
    survives("answer lost twice", () => {
      let left = 2;
      second.doors.toEdge = (path, body) => (isHere(path, body) && left-- > 0 ? "lose" : "pass");
      return ask("second");
    }));

  test("the old node away when the move begins: its trouble is shown, and it goes on by itself", () =>
    survives("old node away at first", async () => {
      await world.node.stop();
      const move = await ask("second");
      await eventually(
        "the trouble",
        async () => ((await look(move)).trouble.includes("old node") ? true : null),
        60_000,
      );
      await world.node.start();
      return move;
    }));

  test("cancelled when all is there: the mailbox stays, serves again, and nothing is left at the new node", async () => {
    await mail("before-cancel");
    await arrived("first", "before-cancel");
    const before = await contents("first");
    const [asked, first] = [ask("second"), once()];
    second.doors.toEdge = async (path, body): Promise<Fate> => {
      if (isHere(path, body) && first()) await second.api("POST", `/api/moves/${(await asked).id}/cancel`, undefined);
      return "pass";
    };
    await ended(await asked, "cancelled");
    await servedAt("first");
    await mail("after-cancel");
    await arrived("first", "after-cancel");
    expect((await contents("first")).all.slice(0, before.all.length)).toEqual(before.all);
    await eventually("nothing left at the new node", () => (folderAt("second").length === 0 ? true : null));
    expect(await refusal("second")).toBe("AUTHENTICATIONFAILED");
    points.push("cancelled when all was there: the mailbox stayed");
  });
});
