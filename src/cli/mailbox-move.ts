/** `postern mailbox move`: an operator's one command. It signs in, asks for the move, tells how it goes, and ends when the move has. */
import { parseArgs } from "node:util";
import { z } from "zod";
import { moveStateSchema } from "../core/contract/move.ts";
import { askHidden } from "./hidden.ts";
import { Mistake } from "./run.ts";

const moveSchema = z.object({
  id: z.string(),
  state: moveStateSchema,
  source: z.string(),
  target: z.string(),
  trouble: z.string(),
});
const problemSchema = z.object({ title: z.string().optional(), detail: z.string().optional() });
const lookEveryMs = 1000;

/** What the edge has against it, in its own words. */
class Refused extends Error {}

type Api = (method: "GET" | "POST" | "DELETE", path: string, body?: unknown) => Promise<unknown>;

export async function move(args: string[]): Promise<number> {
  const text = { type: "string" } as const;
  const { values, positionals } = parseArgs({
    args,
    options: { edge: text, email: text, code: text },
    allowPositionals: true,
  });
  const [address, node, more] = positionals;
  const { edge, email, code } = values;
  if (node === undefined || more !== undefined || edge === undefined || email === undefined)
    throw new Mistake("an address, a node, --edge and --email");
  const password = await askHidden("Your password: ");
  try {
    const api = await signIn(edge, { email, password, ...(code !== undefined && { code }) });
    try {
      return await follow(api, moveSchema.parse(await api("POST", "/moves", { address, node })));
    } finally {
      await api("DELETE", "/session").catch(() => undefined);
    }
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

async function follow(api: Api, begun: z.infer<typeof moveSchema>): Promise<number> {
  const { id, source, target } = begun;
  process.stderr.write(
    `Moving from ${source} to ${target}. Nobody can log in meanwhile; what arrives waits at the edge.\n`,
  );
  for (let told = ""; ; ) {
    const { state, trouble } = moveSchema.parse(await api("GET", `/moves/${id}`));
    if (trouble !== told && trouble !== "") process.stderr.write(`${trouble}\n`);
    told = trouble;
    if (state !== "asked") {
      process.stdout.write(`${state}\n`);
      return state === "moved" ? 0 : 1;
    }
    await new Promise((later) => setTimeout(later, lookEveryMs));
  }
}

async function signIn(edge: string, who: object): Promise<Api> {
  let cookie = "";
  const api: Api = async (method, path, body) => {
    const headers = { "content-type": "application/json", cookie };
    const how = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(new URL(`/api${path}`, edge), { method, headers, ...how });
    const given = response.headers.getSetCookie().map((one) => one.split(";")[0]);
    if (given.length > 0) cookie = given.join("; ");
    const said: unknown = await response.json().catch(() => null);
    if (response.ok) return said;
    const { title, detail } = problemSchema.catch({}).parse(said);
    throw new Refused(`the edge answered ${response.status}: ${detail ?? title ?? "no reason"}`);
  };
  await api("POST", "/session", who);
  return api;
}
