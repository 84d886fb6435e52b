/** A small client of the API that keeps its cookie, as a program would. */
export const passwords = { owner: "a long demo password" };
export const setupToken = "a-setup-token-for-tests";

export type Answer = { status: number; body: Record<string, unknown>; headers: Headers };

export class ApiClient {
  cookie = "";
  readonly #origin: URL;

  constructor(origin: URL) {
    this.#origin = origin;
  }

  /** As the first account of a fresh edge, its operator. */
  static async owner(origin: URL, email = "owner@a.test"): Promise<ApiClient> {
    const client = new ApiClient(origin);
    const made = await client.post("/setup", { email, password: passwords.owner, token: setupToken });
    if (made.status !== 201) throw new Error(`no operator: ${JSON.stringify(made.body)}`);
    return client;
  }

  /** Adds a domain; answers its id. */
  async domain(name: string, more: { node?: string; active?: boolean } = {}): Promise<string> {
    const made = await this.post("/domains", { name, ...more });
    if (made.status !== 201) throw new Error(`no domain ${name}: ${JSON.stringify(made.body)}`);
    return String(made.body["id"]);
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send("GET", path, undefined, headers);
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.send("POST", path, body, headers);
  }

  delete(path: string): Promise<Answer> {
    return this.send("DELETE", path);
  }

  /** A text body goes as it is, anything else as JSON. What is answered in another type is in `text`. */
  async send(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    const response = await fetch(new URL(`/api${path}`, this.#origin), {
      method,
      headers: { "content-type": "application/json", ...(this.cookie && { cookie: this.cookie }), ...headers },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    for (const cookie of response.headers.getSetCookie()) this.cookie = cookie.split(";")[0] ?? "";
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    const read: unknown = text === "" ? {} : isJson ? JSON.parse(text) : { text };
    return { status: response.status, body: read as Record<string, unknown>, headers: response.headers };
  }
}
