/** The first account by the set-up token, as a cookie for a browser; domains with its membership. */
import type { Edge } from "../edge/world.ts";

export const admin = { email: "owner@demo.test", password: "a long demo password" };
export type Owner = { account: string; cookie: { name: string; value: string; url: string } };

export async function setUp(edge: Edge): Promise<Owner> {
  const response = await fetch(new URL("/api/setup", edge.url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ ...admin, token: "a-setup-token-for-tests" }),
  });
  if (response.status !== 201) throw new Error(await response.text());
  const [pair = ""] = (response.headers.getSetCookie()[0] ?? "").split(";");
  const [name = "", value = ""] = pair.split("=");
  const { id } = (await response.json()) as { id: string };
  return { account: id, cookie: { name, value, url: edge.url.href } };
}
