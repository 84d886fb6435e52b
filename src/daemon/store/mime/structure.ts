/** BODY and BODYSTRUCTURE, rendered once at filing: RFC 9051 §7.5.2. One character per byte. */
import { type Entity, fieldOf, isMessage } from "./entity.ts";
import { renderEnvelope } from "./envelope.ts";
import type { Parameters } from "./fields.ts";
import { nstring, string } from "./nstring.ts";

/** `extended`: BODYSTRUCTURE, with extension data; else BODY. */
export function renderStructure(entity: Entity, extended: boolean): string {
  return entity.type === "multipart" ? multipart(entity, extended) : single(entity, extended);
}

function multipart(entity: Entity, extended: boolean): string {
  const children = entity.children.map((child) => renderStructure(child, extended)).join("");
  const base = `${children} ${string(entity.subtype)}`;
  return extended ? `(${base} ${parameters(entity.parameters)} ${extension(entity)})` : `(${base})`;
}

function single(entity: Entity, extended: boolean): string {
  const fields = [
    string(entity.type),
    string(entity.subtype),
    parameters(withCharset(entity)),
    nstring(fieldOf(entity.header, "content-id")),
    nstring(fieldOf(entity.header, "content-description")),
    string(entity.encoding),
    String(entity.end - entity.bodyStart),
  ];
  if (isMessage(entity)) {
    const { inner } = entity;
    // Past the depth bound there is no inner entity: an empty one keeps the grammar.
    fields.push(inner ? renderEnvelope(inner.header) : `(${"NIL ".repeat(9)}NIL)`);
    fields.push(
      inner ? renderStructure(inner, extended) : '("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)',
    );
    fields.push(String(entity.lines));
  } else if (entity.type === "text") fields.push(String(entity.lines));
  if (extended) fields.push(nstring(fieldOf(entity.header, "content-md5")), extension(entity));
  return `(${fields.join(" ")})`;
}

/** Disposition, language, location. */
function extension(entity: Entity): string {
  const { disposition } = entity;
  const shown = disposition ? `(${string(disposition.kind)} ${parameters(disposition.parameters)})` : "NIL";
  const languages =
    fieldOf(entity.header, "content-language")
      ?.split(/[\s,]+/)
      .filter((one) => one !== "") ?? [];
  const language =
    languages.length === 0
      ? "NIL"
      : languages.length === 1
        ? string(languages[0] ?? "")
        : `(${languages.map(string).join(" ")})`;
  return `${shown} ${language} ${nstring(fieldOf(entity.header, "content-location"))}`;
}

// RFC 2045 §5.2: text without a charset is US-ASCII; clients that look for the parameter want it said.
function withCharset({ type, parameters: given }: Entity): Parameters {
  return type === "text" && !given.has("charset") ? new Map([...given, ["charset", "us-ascii"]]) : given;
}

function parameters(map: Parameters): string {
  if (map.size === 0) return "NIL";
  return `(${[...map].map(([name, value]) => `${string(name)} ${string(value)}`).join(" ")})`;
}
