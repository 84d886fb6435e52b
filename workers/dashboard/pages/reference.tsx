/** The API's reference, served by us and made of the same rows: one page per subject. Readable without signing in. */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import { type Document, type Operation, openApi } from "../../api/openapi.ts";
import { rows } from "../../api/rows.ts";
import { Problem } from "../../directory/problem.ts";
import { type App, siteOf } from "../../sign-in/visitor.ts";
import { Head } from "../parts.tsx";
import { gate, page } from "../shell.tsx";

export const referencePages = new Hono<App>();

referencePages.get("/reference/:tag?", (c) => {
  const document = openApi(rows, siteOf(c).origin);
  const [first = ""] = document.tags.map(({ name }) => name.toLowerCase());
  const tag = c.req.param("tag") ?? first;
  if (!document.tags.some(({ name }) => name.toLowerCase() === tag))
    throw new Problem(404, "not-found", "There is no such part of the API.");
  const view = <Reference document={document} tag={tag} />;
  const visitor = c.get("visitor");
  const title = "API reference";
  return visitor === null ? gate(c, { title, wide: true }, view) : page(c, visitor, { title, at: "reference" }, view);
});

const Reference: FC<{ document: Document; tag: string }> = ({ document, tag }) => {
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  );
  const here = operations.filter(({ operation }) => operation.tags.some((one) => one.toLowerCase() === tag));
  return (
    <>
      <Head
        title="API reference"
        says="Everything the dashboard does, for programs. Send an API key as a bearer token."
      >
        <a class="button" href="/api/openapi.json">
          OpenAPI 3.1
        </a>
        <a class="button" href="/api/client.ts">
          TypeScript client
        </a>
      </Head>
      <nav class="tabs" aria-label="Parts of the API">
        {document.tags.map(({ name }) => (
          <a href={`/reference/${name.toLowerCase()}`} aria-current={name.toLowerCase() === tag ? "page" : undefined}>
            {name}
          </a>
        ))}
      </nav>
      {here.map((one) => (
        <OperationView {...one} />
      ))}
      <section class="card stack" aria-labelledby="common">
        <h2 id="common">The same everywhere</h2>
        <ul class="plain-list">
          <li>
            Lists answer <code>items</code> and <code>next</code>; ask for the next page with <code>?after=</code>.
          </li>
          <li>
            Errors are <code>application/problem+json</code> with a stable <code>code</code> and a <code>detail</code>{" "}
            that says what to do.
          </li>
          <li>
            Send <code>Idempotency-Key</code> with a POST: repeated within a day, it is carried out once.
          </li>
          <li>
            GET answers an <code>ETag</code>; send it as <code>If-Match</code> with a change, and a stale edit is
            refused (412).
          </li>
          <li>
            <code>RateLimit</code> says how many requests are left in this minute.
          </li>
        </ul>
      </section>
    </>
  );
};

const OperationView: FC<{ path: string; method: string; operation: Operation }> = ({ path, method, operation }) => (
  <section class="card stack" id={operation.operationId} aria-labelledby={`${operation.operationId}-title`}>
    <div class="stack tight">
      <h2 id={`${operation.operationId}-title`} class="operation">
        <span class={`method ${method.toLowerCase()}`}>{method}</span> <code>/api{path}</code>
      </h2>
      <p>{operation.summary}.</p>
      <p class="soft small">
        {whoWords(operation["x-who"])}
        {operation["x-scope"] !== null && (
          <>
            {" · key needs "}
            <code>{operation["x-scope"]}</code>
          </>
        )}
        {proofWords(operation["x-proof"])}
      </p>
    </div>
    {operation.parameters?.some((one) => one["in"] !== "header") && (
      <Fields title="Parameters" schema={parametersAsSchema(operation)} />
    )}
    {operation.requestBody && <Fields title="Body" schema={bodySchema(operation.requestBody)} />}
    <Fields title="Answer" schema={answerSchema(operation)} />
    {operation["x-event"] && <Fields title="Each event" schema={operation["x-event"]} />}
  </section>
);

function proofWords(proof: true | string | undefined): string {
  if (proof === undefined) return "";
  return ` · asks for a fresh proof that it is you${proof === true ? "" : ` ${proof}`}`;
}

type Shape = Record<string, unknown>;

const Fields: FC<{ title: string; schema: Shape }> = ({ title, schema }) => {
  const properties = record(schema["properties"]);
  const required = Array.isArray(schema["required"]) ? schema["required"] : [];
  if (Object.keys(properties).length === 0) return null;
  return (
    <details open={title !== "Answer"}>
      <summary>{title}</summary>
      <dl class="facts fields">
        {Object.entries(properties).map(([name, value]) => (
          <>
            <dt>
              <code>{name}</code>
              {required.includes(name) && title !== "Answer" && <span class="must"> *</span>}
            </dt>
            <dd>
              <span class="soft">{typeWords(record(value))}</span> {text(record(value)["description"])}
            </dd>
          </>
        ))}
      </dl>
    </details>
  );
};

function whoWords(who: string): string {
  if (who === "anyone") return "For everybody";
  if (who === "account") return "For whoever is signed in";
  return who === "operator" ? "For the operator" : `For the domain's ${who}s${who === "owner" ? "" : " and above"}`;
}

function parametersAsSchema(operation: Operation): Shape {
  // The fields of the head are the same everywhere, and said below.
  const parameters = (operation.parameters ?? []).filter((one) => one["in"] !== "header");
  return {
    properties: Object.fromEntries(parameters.map((one) => [text(one["name"]), one["schema"]])),
    required: parameters.filter((one) => one["required"] === true).map((one) => one["name"]),
  };
}

function bodySchema(body: Shape): Shape {
  return record(record(record(body["content"])["application/json"])["schema"]);
}

function answerSchema(operation: Operation): Shape {
  const [found] = Object.entries(operation.responses).filter(([status]) => status.startsWith("2"));
  return found === undefined ? {} : bodySchema(found[1]);
}

/** “string, at most 100”, “one of exact, wildcard”, “list of object”. */
function typeWords(schema: Shape): string {
  if (Array.isArray(schema["enum"])) return `one of ${schema["enum"].join(", ")}`;
  if (schema["const"] !== undefined) return JSON.stringify(schema["const"]);
  if (Array.isArray(schema["anyOf"])) return schema["anyOf"].map((one) => typeWords(record(one))).join(" or ");
  if (schema["type"] === "array") return `list of ${typeWords(record(schema["items"]))}`;
  if (schema["type"] === "object") return `object { ${Object.keys(record(schema["properties"])).join(", ")} }`;
  const most = schema["maxLength"] === undefined ? "" : `, at most ${text(schema["maxLength"])}`;
  const preset = schema["default"] === undefined ? "" : `, ${JSON.stringify(schema["default"])} unless told`;
  return `${text(schema["type"]) || "anything"}${most}${preset}`;
}

function record(value: unknown): Shape {
  return typeof value === "object" && value !== null ? (value as Shape) : {};
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}
