/** Apple's XML property lists, as far as configuration profiles need them. */
import { element, type Xml, xmlDocument } from "./xml.ts";

export type Plist = string | number | boolean | readonly Plist[] | { readonly [key: string]: Plist };

const doctype =
  '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">';

export function plist(value: Plist): string {
  return xmlDocument(element("plist", [xmlOf(value)], { version: "1.0" }), doctype);
}

function xmlOf(value: Plist): Xml {
  if (typeof value === "string") return element("string", value);
  if (typeof value === "boolean") return element(value ? "true" : "false", "");
  if (typeof value === "number") return element("integer", integer(value));
  if (isArray(value)) return element("array", value.map(xmlOf));
  return element(
    "dict",
    Object.entries(value).flatMap(([key, inner]) => [element("key", key), xmlOf(inner)]),
  );
}

function integer(value: number): string {
  if (!Number.isSafeInteger(value)) throw new RangeError("a property list's integer must be whole");
  return String(value);
}

// Array.isArray does not narrow readonly arrays.
function isArray(value: Plist): value is readonly Plist[] {
  return Array.isArray(value);
}
