/** Calls of the API from a page: JSON both ways, a problem's own words on failure. */
export class Refused extends Error {
  readonly code: string;
  constructor(read: unknown) {
    super(textOf(read, "detail") ?? "That did not work. Please try again.");
    this.code = textOf(read, "code") ?? "";
  }
}

export async function ask(method: string, path: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`/api${path}`, {
    method,
    headers: { "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const read: unknown = response.status === 204 ? null : await response.json();
  if (response.ok) return read;
  throw new Refused(read);
}

function textOf(read: unknown, name: "detail" | "code"): string | null {
  const value = typeof read === "object" && read !== null ? (read as Record<string, unknown>)[name] : null;
  return typeof value === "string" ? value : null;
}

/** The words to show for whatever went wrong. */
export function wordsFor(error: unknown): string {
  if (error instanceof Refused) return error.message;
  return "The connection failed. Please try again.";
}
