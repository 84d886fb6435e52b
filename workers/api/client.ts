/**
 * A TypeScript client, made of the OpenAPI document: one file without dependencies, that a program's own compiler checks every
 * call against. Served at `/api/client.ts`, so that it fits the installation it comes from.
 */
import type { Document, Operation } from "./openapi.ts";

type Schema = Record<string, unknown>;

export function typescriptClient(document: Document): string {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const types = operations.map(
    ({ operation }) => `${comment(operation.summary)}  ${operation.operationId}: ${signature(operation)};`,
  );
  const routes = operations.map(
    ({ path, method, operation }) => `  ${operation.operationId}: ["${method}", "${path}"],`,
  );
  const lines = [
    "export type Operations = {",
    ...types,
    "};",
    "",
    "const routes: Record<keyof Operations, readonly [string, string]> = {",
    ...routes,
    "};",
  ];
  return `${head}\n${lines.join("\n")}\n\n${tail}`;
}

function signature(operation: Operation): string {
  const path = parameters(operation, "path");
  const query = parameters(operation, "query");
  const body = bodyOf(operation.requestBody);
  const input = [
    ...(path === null ? [] : [`path: ${path}`]),
    ...(query === null ? [] : [`query?: ${query}`]),
    ...(body === null ? [] : [`body: ${typeOf(body)}`]),
  ];
  const event = operation["x-event"];
  if (event !== undefined) return `{ input: { ${input.join("; ")} }; event: ${typeOf(event)} }`;
  const good = Object.entries(operation.responses).find(([status]) => status.startsWith("2"));
  const answer = bodyOf(good?.[1]);
  return `{ input: { ${input.join("; ")} }; answer: ${answer === null ? "undefined" : typeOf(answer)} }`;
}

function parameters(operation: Operation, where: string): string | null {
  const found = (operation.parameters ?? []).filter((one) => one["in"] === where);
  if (found.length === 0) return null;
  const fields = found.map((one) => `${String(one["name"])}${one["required"] ? "" : "?"}: ${typeOf(one["schema"])}`);
  return `{ ${fields.join("; ")} }`;
}

function bodyOf(holder: Schema | undefined): Schema | null {
  const content = holder?.["content"] as Record<string, { schema: Schema }> | undefined;
  return content?.["application/json"]?.schema ?? null;
}

/** A JSON schema (draft 2020-12, as zod writes it) as a type. */
export function typeOf(given: unknown): string {
  const schema = given as Schema;
  const many = (schema["anyOf"] ?? schema["oneOf"]) as Schema[] | undefined;
  if (many !== undefined) return many.map(typeOf).join(" | ");
  const all = schema["allOf"] as Schema[] | undefined;
  if (all !== undefined) return all.map((one) => `(${typeOf(one)})`).join(" & ");
  if ("const" in schema) return JSON.stringify(schema["const"]);
  const choices = schema["enum"] as unknown[] | undefined;
  if (choices !== undefined) return choices.map((one) => JSON.stringify(one)).join(" | ");
  const { type } = schema;
  if (Array.isArray(type)) return type.map((one) => typeOf({ ...schema, type: one as unknown })).join(" | ");
  switch (type) {
    case "array":
      return `(${typeOf(schema["items"] ?? {})})[]`;
    case "object":
      return objectOf(schema);
    case "integer":
    case "number":
      return "number";
    case "string":
    case "boolean":
    case "null":
      return type;
    default:
      return "unknown";
  }
}

function objectOf(schema: Schema): string {
  const required = new Set(schema["required"] as string[] | undefined);
  const fields = Object.entries((schema["properties"] ?? {}) as Record<string, Schema>).map(
    ([name, of]) => `${JSON.stringify(name)}${required.has(name) ? "" : "?"}: ${typeOf(of)}`,
  );
  if (fields.length > 0) return `{ ${fields.join("; ")} }`;
  const others = schema["additionalProperties"];
  return `Record<string, ${typeof others === "object" ? typeOf(others) : "unknown"}>`;
}

function comment(text: string): string {
  return `  /** ${text.replaceAll("*/", "* /")} */\n`;
}

const head = `// A client of Postern's API, made from its OpenAPI document. It needs nothing but fetch.
`;

const tail = `type Name = { [N in keyof Operations]: Operations[N] extends { answer: unknown } ? N : never }[keyof Operations];
type Streams = { [N in keyof Operations]: Operations[N] extends { event: unknown } ? N : never }[keyof Operations];
type Input<N extends Name> = Operations[N]["input"];
type Answer<N extends Name> = Operations[N]["answer"];
/** \`key\` makes a repeated POST be carried out once; \`version\` (an ETag) lets a change of something changed meanwhile fail. */
export type More = { key?: string; version?: string; signal?: AbortSignal };

/** What went wrong: \`code\` is stable, \`message\` is for people, \`retryAfter\` in seconds where waiting helps. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly errors: { field: string; message: string }[];
  readonly retryAfter: number | null;
  constructor(status: number, body: { code?: string; detail?: string; errors?: { field: string; message: string }[] }, retryAfter: number | null) {
    super(body.detail ?? String(status));
    this.status = status;
    this.code = body.code ?? "unknown";
    this.errors = body.errors ?? [];
    this.retryAfter = retryAfter;
  }
}

export class Postern {
  readonly #origin: string;
  readonly #key: string;
  /** Where the service is, and an API key. */
  constructor(origin: string, key: string) {
    this.#origin = origin;
    this.#key = key;
  }

  async call<N extends Name>(name: N, input: Input<N>, more: More = {}): Promise<Answer<N>> {
    return (await this.callWithVersion(name, input, more)).answer;
  }

  /** The answer with its ETag, for \`version\` of a later change. */
  async callWithVersion<N extends Name>(name: N, input: Input<N>, more: More = {}): Promise<{ answer: Answer<N>; version: string | null }> {
    const response = await this.#send(name, input, more);
    const text = await response.text();
    return { answer: (text === "" ? undefined : JSON.parse(text)) as Answer<N>, version: response.headers.get("etag") };
  }

  /** The events of a stream, for as long as \`signal\` lets it: one that ends is opened again. What happens between two is not heard. */
  async *events<N extends Streams>(name: N, input: Operations[N]["input"], more: More = {}): AsyncGenerator<Operations[N]["event"]> {
    while (more.signal?.aborted !== true) {
      const { body } = await this.#send(name, input, more);
      const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
      let held = "";
      for (let next = await reader?.read(); next !== undefined && !next.done; next = await reader?.read()) {
        const parts = (held + next.value).split("\\n\\n");
        held = parts.pop() ?? "";
        for (const part of parts) {
          const data = /^data: (.*)$/m.exec(part)?.[1];
          if (data !== undefined) yield JSON.parse(data) as Operations[N]["event"];
        }
      }
    }
  }

  async #send(name: keyof Operations, input: object, more: More): Promise<Response> {
    const { path = {}, query = {}, body } = input as { path?: Record<string, string>; query?: Record<string, unknown>; body?: unknown };
    const [method, route] = routes[name];
    const url = new URL(\`/api\${route.replace(/\\{(\\w+)\\}/g, (_, part: string) => encodeURIComponent(path[part] ?? ""))}\`, this.#origin);
    for (const [field, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(field, String(value));
    const headers = new Headers({ authorization: \`Bearer \${this.#key}\` });
    if (body !== undefined) headers.set("content-type", "application/json");
    if (more.key !== undefined) headers.set("idempotency-key", more.key);
    if (more.version !== undefined) headers.set("if-match", more.version);
    const response = await fetch(url, { method, headers, body: body === undefined ? null : JSON.stringify(body), signal: more.signal ?? null });
    if (response.ok) return response;
    const text = await response.text();
    const wait = response.headers.get("retry-after");
    throw new Problem(response.status, text === "" ? {} : JSON.parse(text), wait === null ? null : Number(wait));
  }

  /** Every item of a list, page after page. */
  async *all<N extends Lists>(name: N, input: Input<N>): AsyncGenerator<Item<N>> {
    let after: string | undefined;
    do {
      const query = { ...(input as { query?: object }).query, ...(after === undefined ? {} : { after }) };
      const page = (await this.call(name, { ...(input as object), query } as Input<N>)) as { items: Item<N>[]; next: string | null };
      yield* page.items;
      after = page.next ?? undefined;
    } while (after !== undefined);
  }
}

type Lists = { [N in Name]: Answer<N> extends { items: unknown[]; next: string | null } ? N : never }[Name];
type Item<N extends Lists> = Answer<N> extends { items: (infer I)[] } ? I : never;
`;
