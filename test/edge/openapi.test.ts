/** The API described: the document is valid OpenAPI 3.1, leaves no form of the dashboard out, and its client compiles and works. */
import { execFile } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { Validator } from "@seriousme/openapi-schema-validator";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { type Edge, root, startEdge } from "./world.ts";

type Operation = {
  operationId: string;
  responses: Record<string, unknown>;
  parameters?: { name: string; in: string }[];
};

let edge: Edge;
let owner: ApiClient;
let document: { openapi: string; paths: Record<string, Record<string, Operation>> };
const run = promisify(execFile);

beforeAll(async () => {
  edge = await startEdge();
  owner = await ApiClient.owner(edge.url);
  document = (await owner.get("/openapi.json")).body as typeof document;
});
afterAll(() => edge.close());

test("the document is valid OpenAPI 3.1", async () => {
  const checked = await new Validator().validate(structuredClone(document));
  expect(checked.errors).toBeUndefined();
  expect(checked.valid).toBe(true);
  expect(document.openapi).toBe("3.1.0");
  const spoilt = structuredClone(document);
  for (const methods of Object.values(spoilt.paths)) for (const one of Object.values(methods)) one.responses = {};
  expect((await new Validator().validate(spoilt)).valid).toBe(false); // it would say so
});

test("every operation has its own name, and every part of a path its parameter", () => {
  const all = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.values(methods).map((one) => ({ path, ...one })),
  );
  expect(new Set(all.map(({ operationId }) => operationId)).size).toBe(all.length);
  for (const { path, parameters = [], operationId } of all) {
    const named = parameters.filter((one) => one.in === "path").map(({ name }) => name);
    expect([...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort(), operationId).toEqual(named.sort());
  }
});

test("every list that can grow comes in pages", () => {
  // All rows of these stand in the answer by nature: a domain's records, a mailbox's few slots.
  const whole = ["records", "checks", "keyslots"];
  const lists = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).filter((one) => JSON.stringify(one.responses["200"] ?? "").includes('"next":{')),
  );
  expect(lists.length).toBeGreaterThan(15);
  for (const { operationId, parameters = [] } of lists) {
    if (whole.includes(operationId)) continue;
    expect(
      parameters.map(({ name }) => name),
      operationId,
    ).toEqual(expect.arrayContaining(["after", "limit"]));
  }
});

/** Form → operation. What has no operation says why. */
const carriedOutBy: Record<string, string> = {
  "/set-up": "setUp",
  "/sign-in": "signIn",
  "/sign-in/code": "signIn",
  "/sign-out": "signOut",
  "/sign-up": "askSignUp",
  "/sign-up/:token": "finishSignUp",
  "/join/:token": "acceptInvitation",
  "/join/:token/new": "joinNew",
  "/forgotten": "askReset",
  "/reset/:token": "resetPassword",
  "/confirm/:token": "confirmEmail",
  "/undo/:token": "undoEmail",
  "/theme": "- a browser's own setting",
  "/dns-only": "readTxt sealTxt",
  "/domains": "addDomain",
  "/domains/:domain/remove": "removeDomain",
  "/domains/:domain/node": "changeDomain",
  "/domains/:domain/cloudflare": "applyRecords",
  "/domains/:domain/aliases": "addAlias",
  "/domains/:domain/aliases/:alias": "changeAlias",
  "/domains/:domain/aliases/:alias/resume": "resumeDestination",
  "/domains/:domain/aliases/:alias/answer": "setVacation removeVacation",
  "/domains/:domain/bulk": "bulkAliases",
  "/domains/:domain/explain": "explain",
  "/domains/:domain/transfer": "importAliases",
  "/domains/:domain/txt": "setTxtRules",
  "/domains/:domain/txt/seal": "sealTxt",
  "/domains/:domain/senders": "addSenderRule",
  "/domains/:domain/senders/remove": "removeSenderRule",
  "/domains/:domain/aliases/:alias/senders": "addAliasSenderRule",
  "/domains/:domain/aliases/:alias/senders/remove": "removeAliasSenderRule",
  "/nodes": "enrolNode",
  "/senders": "addOwnSenderRule",
  "/senders/remove": "removeOwnSenderRule",
  "/domains/:domain/webhooks": "addWebhook",
  "/domains/:domain/webhooks/:hook": "changeWebhook",
  "/domains/:domain/webhooks/:hook/replay": "replayWebhook",
  "/domains/:domain/webhooks/:hook/test": "testWebhook",
  "/domains/:domain/webhooks/:hook/remove": "removeWebhook",
  "/domains/:domain/team/invite": "invite",
  "/domains/:domain/team/leave": "leaveDomain",
  "/domains/:domain/team/member": "changeMember removeMember",
  "/domains/:domain/team/uninvite": "removeInvitation",
  "/domains/:domain/team/mfa": "demandMfa",
  "/mailboxes/:mailbox/revoke": "revokeKeyslot",
  "/mailboxes/:mailbox/quota": "changeMailbox",
  "/mailboxes/:mailbox/retry": "retryWaiting",
  "/mailboxes/:mailbox/delete": "removeMailbox",
  "/moves": "askMove",
  "/moves/:move/cancel": "cancelMove",
  "/activity/:message/retry": "retryMessage",
  "/security/name": "changeAccount",
  "/security/password": "changePassword",
  "/security/prove": "prove",
  "/security/totp/begin": "beginTotp",
  "/security/totp/confirm": "confirmTotp",
  "/security/totp/off": "endTotp",
  "/security/codes": "makeRecoveryCodes",
  "/security/passkeys/remove": "removePasskey",
  "/security/email": "changeEmail",
  "/security/email/link": "askVerified",
  "/security/leave": "removeAccount",
  "/security/sessions/revoke": "revokeSession revokeOtherSessions",
  "/security/keys": "addKey",
  "/security/keys/remove": "removeKey",
};

test("every form of every page is an operation too", () => {
  const sources = globSync("workers/dashboard/pages/**/*.tsx", { cwd: root }).map((file) =>
    readFileSync(join(root, file), "utf8"),
  );
  const forms = sources.flatMap((text) => {
    // A path is spelled at the call, or is a constant of its file.
    const named = new Map([...text.matchAll(/^const (\w+) = "([^"]+)";$/gm)].map(([, name, path]) => [name, path]));
    return [...text.matchAll(/\w+Pages?\.post\(\s*(?:"([^"]+)"|(\w+))/g)].map(
      ([, path, name]) => path ?? named.get(name),
    );
  });
  expect(forms.length).toBeGreaterThan(40);
  expect([...new Set(forms)].sort()).toEqual(Object.keys(carriedOutBy).sort());
  const known = Object.values(document.paths).flatMap((methods) =>
    Object.values(methods).map((one) => one.operationId),
  );
  const named = Object.values(carriedOutBy).filter((words) => !words.startsWith("-"));
  for (const name of named.flatMap((words) => words.split(" "))) expect(known).toContain(name);
});

describe("the TypeScript client", () => {
  test("compiles, refuses what the API would, and does what the readme shows", async () => {
    const { body: domain } = await owner.post("/domains", { name: "shop.test", active: true });
    const { body: key } = await owner.post("/account/keys", {
      name: "readme",
      scopes: ["domains:read", "aliases:read", "aliases:write"],
    });
    const folder = mkdtempSync(join(tmpdir(), "postern-client-"));
    try {
      const served = await fetch(new URL("/api/client.ts", edge.url));
      expect(served.headers.get("content-type")).toContain("typescript");
      writeFileSync(join(folder, "postern.ts"), await served.text());
      const [, example = ""] = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, "README.md"), "utf8")) ?? [];
      expect(example).toContain("./postern.ts");
      writeFileSync(join(folder, "example.ts"), example);
      writeFileSync(join(folder, "wrong.ts"), wrong);
      writeFileSync(join(folder, "package.json"), '{"type":"module"}');
      symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
      const how = [
        "--strict",
        "--exactOptionalPropertyTypes",
        "--noUncheckedIndexedAccess",
        "--noEmit",
        "--target",
        "es2024",
      ];
      const modules = ["--module", "nodenext", "--allowImportingTsExtensions", "--types", "node"];
      const files = ["postern.ts", "example.ts", "wrong.ts"];
      const tsc = join(root, "node_modules/.bin/tsc");
      const compiled = await run(tsc, [...how, ...modules, ...files], { cwd: folder }).catch((error) => error);
      expect(compiled.stdout).toBe("");
      const env = { ...process.env, POSTERN_URL: edge.url.origin, POSTERN_KEY: String(key["text"]) };
      const first = await run(process.execPath, ["example.ts"], { cwd: folder, env });
      const again = await run(process.execPath, ["example.ts"], { cwd: folder, env });
      expect([first.stdout, again.stdout]).toEqual(["shop.test shop\n", "shop.test shop\n"]);
    } finally {
      rmSync(folder, { recursive: true });
    }
    const { body } = await owner.get(`/domains/${domain["id"]}/aliases`);
    expect(body).toMatchObject({
      total: 1,
      items: [{ pattern: "shop", note: expect.stringContaining("by a program") }],
    });
  });
});

/** Each of these is a mistake that the compiler finds; in pieces, since our own sources may not say so. */
const mistake = ["// @ts", "expect", "error"].join("-");
const wrong = `import { Postern } from "./postern.ts";
const api = new Postern("", "");
export async function mistakes(): Promise<void> {
  ${mistake} no such operation
  await api.call("nothing", {});
  ${mistake} the path's part is missing
  await api.call("domain", {});
  ${mistake} no such kind
  await api.call("addAlias", { path: { domain: "x" }, body: { kind: "other", pattern: "a", destinations: [] } });
  ${mistake} not a list
  for await (const one of api.all("domain", { path: { domain: "x" } })) console.log(one);
  ${mistake} it has no such field
  console.log((await api.call("account", {})).password);
}
`;
