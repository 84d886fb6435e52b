/** The API described by itself: OpenAPI 3.1, made of the rows. A row that is served is in the document, and the other way round. */
import { z } from "zod";
import type { Row } from "./row.ts";

type Schema = Record<string, unknown>;

export const eventStream = "text/event-stream";

export type Operation = {
  operationId: string;
  summary: string;
  tags: string[];
  parameters?: Schema[];
  requestBody?: Schema;
  responses: Record<string, Schema>;
  security?: Schema[];
  /** Least role in the domain, or `anyone`, `account`, `operator`. */
  "x-who": string;
  /** Of a stream: the shape of each event's `data`, which is JSON. */
  "x-event"?: Schema;
  /** What an API key needs; null: no key may. */
  "x-scope": string | null;
  /** An API key for single domains may ask, and gets what these hold. */
  "x-by-domain"?: true;
  /** The owner must have proved to be there within a quarter of an hour; a text says when, where not always. */
  "x-proof"?: true | string;
};

export type Document = {
  openapi: "3.1.0";
  info: Schema;
  servers: Schema[];
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: Schema;
};

export function openApi(rows: readonly Row[], origin: string): Document {
  const paths: Document["paths"] = {};
  const readable = new Set(
    rows.filter((row) => row.method === "GET" && row.query === undefined).map((row) => row.path),
  );
  for (const row of rows) {
    const path = row.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operation(row, readable) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Postern", version: "1", description: about, license: { name: "MIT", identifier: "MIT" } },
    servers: [{ url: `${origin}/api` }],
    tags: [...new Set(rows.map((row) => row.tag))].map((name) => ({ name })),
    paths,
    components: { securitySchemes, headers, schemas: { Problem: problem }, responses: { Problem: problemResponse } },
  };
}

const about =
  "Everything the dashboard does. Send an API key as a bearer token, or the session cookie. Lists are paged by `after` and `next`; " +
  "errors are problem+json; a POST with an Idempotency-Key is carried out once. What a GET shows carries an ETag, and a change of it " +
  "may send that as If-Match; no change demands it, and one without it changes what is there. RateLimit fields on every answer say " +
  "how much pace is left. Times are UTC milliseconds, ids are ULIDs.";

const securitySchemes = {
  key: { type: "http", scheme: "bearer", description: "An API key, `pst_…`" },
  session: { type: "apiKey", in: "cookie", name: "__Host-postern" },
};

const problem = {
  type: "object",
  description: "RFC 9457. `code` is stable; `detail` is for people.",
  required: ["title", "status", "code", "detail"],
  properties: {
    title: { type: "string" },
    status: { type: "integer" },
    code: { type: "string" },
    detail: { type: "string" },
    errors: {
      type: "array",
      items: { type: "object", properties: { field: { type: "string" }, message: { type: "string" } } },
    },
  },
};
const text = { type: "string" };
const headers = {
  RateLimit: { description: "What is left of the pace, and seconds until it is whole again", schema: text },
  "RateLimit-Policy": { description: "Requests and seconds", schema: text },
  ETag: { description: "Version of what is shown", schema: text },
};
const header = (name: keyof typeof headers) => ({ [name]: { $ref: `#/components/headers/${name}` } });
const pace = { ...header("RateLimit"), ...header("RateLimit-Policy") };

const problemResponse = {
  headers: pace,
  description: "It was not done; the body says why.",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

const idempotencyKey = { name: "Idempotency-Key", in: "header", required: false, schema: { ...text, maxLength: 200 } };
const ifNoneMatch = { name: "If-None-Match", in: "header", required: false, schema: text };
const ifMatch = { name: "If-Match", in: "header", required: false, schema: text };

function operation(row: Row, readable: ReadonlySet<string>): Operation {
  const fieldsOfHead = [
    ...(row.method === "GET" && row.answer !== undefined ? [ifNoneMatch] : []),
    ...(row.method === "POST" && row.who !== "anyone" ? [idempotencyKey] : []),
    ...(row.method !== "GET" && readable.has(row.path) ? [ifMatch] : []),
  ];
  const parameters = [...fields(row.params, "path"), ...fields(row.query, "query"), ...fieldsOfHead];
  return {
    operationId: row.name,
    summary: row.says,
    tags: [row.tag],
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(row.body ? { requestBody: { required: true, content: json(row.body, "input") } } : {}),
    responses: { ...success(row), ...refusals(row, readable), default: { $ref: "#/components/responses/Problem" } },
    ...(row.who === "anyone"
      ? { security: [] }
      : { security: row.scope === null || row.proof === true ? [{ session: [] }] : [{ key: [] }, { session: [] }] }),
    ...(row.events ? { "x-event": schemaOf(row.events, "output") } : {}),
    "x-who": row.who,
    "x-scope": row.scope,
    ...(row.byDomain ? { "x-by-domain": true as const } : {}),
    ...(row.proof ? { "x-proof": row.proof === true || row.proof.says } : {}),
  };
}

function success(row: Row): Record<string, Schema> {
  if (row.events !== undefined)
    return {
      200: { description: "Events as they come.", headers: pace, content: { [eventStream]: { schema: text } } },
    };
  if (row.answer === undefined) return { 204: { description: "Done.", headers: pace } };
  const seen = row.method === "GET" ? header("ETag") : {};
  const done = { description: "Done.", headers: { ...pace, ...seen }, content: json(row.answer, "output") };
  const same = { 304: { description: "As If-None-Match says.", headers: { ...pace, ...seen } } };
  return { [row.status ?? 200]: done, ...(row.method === "GET" ? same : {}) };
}

/** Those that follow from the row itself; what else a row refuses is a Problem too. */
function refusals(row: Row, readable: ReadonlySet<string>): Record<string, Schema> {
  const statuses = [
    ...(row.body === undefined ? [] : [400, 413, 415]),
    ...(row.who === "anyone" ? [] : [401, 403]),
    ...(row.path.includes(":") ? [404] : []),
    ...(row.method !== "GET" && readable.has(row.path) ? [412] : []),
    ...(row.body === undefined && row.query === undefined && row.params === undefined ? [] : [422]),
    429,
  ];
  return Object.fromEntries(statuses.map((status) => [status, { $ref: "#/components/responses/Problem" }]));
}

function json(schema: z.ZodType, io: "input" | "output"): Schema {
  return { "application/json": { schema: schemaOf(schema, io) } };
}

function schemaOf(schema: z.ZodType, io: "input" | "output"): Schema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { target: "draft-2020-12", io, unrepresentable: "any" });
  return rest;
}

function fields(schema: z.ZodType | undefined, where: "path" | "query"): Schema[] {
  if (!(schema instanceof z.ZodObject)) return [];
  return Object.entries(schema.shape).map(([name, field]) => ({
    name,
    in: where,
    required: where === "path",
    schema: schemaOf(field as z.ZodType, "input"),
  }));
}
