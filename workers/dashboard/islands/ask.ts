/** Calls of the API from a page: JSON both ways, a problem's own words on failure. */
export class Refused extends Error {}

export async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`/api${path}`, {
    method,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const read: unknown = response.status === 204 ? null : await response.json();
  if (response.ok) return read;
  throw new Refused(detailOf(read) ?? "That did not work. Please try again.");
}

function detailOf(read: unknown): string | null {
  const has = typeof read === "object" && read !== null && "detail" in read && typeof read.detail === "string";
  return has ? (read.detail as string) : null;
}

/** The words to show for whatever went wrong. */
export function wordsFor(error: unknown): string {
  if (error instanceof Refused) return error.message;
  return "The connection failed. Please try again.";
}
