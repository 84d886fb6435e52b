/**
 * An alias as files and DNS records define it: what `route.ts` needs without ids, health or age. Every reader here ends in
 * these values and every writer starts from them, so that what one writes the others read.
 */
import { z } from "zod";
import { limits } from "../../limits.ts";
import type { Alias, AliasKind, Destination, HostPort } from "../route.ts";

export type DisabledReply = 250 | 421 | 550;
export type DestinationDefinition = { kind: Destination["kind"]; target: string; route: HostPort | null };
export type AliasDefinition = {
  kind: AliasKind;
  /** Folded local part, wildcard with `*`, regular expression without slashes, or `*` for the catch-all. */
  pattern: string;
  state: Alias["state"];
  /** What it answers while disabled. */
  disabledReply: DisabledReply;
  destinations: DestinationDefinition[];
  /** Null where the source has no place for one: what the directory has then stays. */
  note: string | null;
  labels: string[] | null;
};

export const bounds = {
  note: 1000,
  label: 40,
  labels: 20,
  /** Aliases of one file. */
  aliases: 10_000,
  /** UTF-16 units of one file. */
  text: 4 * 1024 * 1024,
} as const;

const route = z.strictObject({ host: z.string().max(253).nullable(), port: z.int().min(1).max(65_535) });

export const destinationSchema = z.strictObject({
  kind: z.enum(["address", "domain", "mailbox", "webhook", "alias"]),
  target: z.string().min(1).max(500),
  route: route.nullable().default(null),
});

/** The shape; whether a pattern or target makes sense is `pattern.ts` and `destination.ts`. */
export const definitionSchema = z.strictObject({
  kind: z.enum(["exact", "wildcard", "regex", "catch-all"]),
  pattern: z.string().min(1).max(256),
  state: z.enum(["active", "disabled"]).default("active"),
  disabledReply: z.union([z.literal(250), z.literal(421), z.literal(550)]).default(550),
  destinations: z.array(destinationSchema).max(limits.fanOut).default([]),
  note: z.string().max(bounds.note).nullable().default(null),
  labels: z.array(z.string().min(1).max(bounds.label)).max(bounds.labels).nullable().default(null),
});

/** Two definitions with one key are the same alias. */
export function definitionKey(definition: { kind: AliasKind; pattern: string }): string {
  return `${definition.kind} ${definition.pattern}`;
}

/** Two destinations with one key deliver to the same place. */
export function destinationKey(one: DestinationDefinition): string {
  return `${one.kind} ${one.target} ${routeText(one.route) ?? ""}`;
}

/** `host:port`, or `:port` for the MX hosts by that port; as the directory keeps it. */
export function routeText(route: HostPort | null): string | null {
  return route === null ? null : `${route.host ?? ""}:${route.port}`;
}

export function parseRoute(text: string | null): HostPort | null {
  const colon = text?.lastIndexOf(":") ?? -1;
  return text === null || colon < 0
    ? null
    : { host: text.slice(0, colon) || null, port: Number(text.slice(colon + 1)) };
}

/** What the directory's rows have in common with a definition. */
export type AliasRow = {
  kind: AliasKind;
  pattern: string;
  state: Alias["state"];
  disabledReply: number;
  note: string;
  labels: readonly string[];
  destinations: readonly { kind: Destination["kind"]; target: string; route: string | null }[];
};

/** A directory row as a definition, for export and for the current side of a diff. */
export function definitionOf(row: AliasRow): AliasDefinition {
  const { kind, pattern, state, note } = row;
  const destinations = row.destinations.map((one) => ({
    kind: one.kind,
    target: one.target,
    route: parseRoute(one.route),
  }));
  return {
    kind,
    pattern,
    state,
    disabledReply: replyOf(row.disabledReply),
    destinations,
    note,
    labels: [...row.labels],
  };
}

export function replyOf(code: number): DisabledReply {
  return code === 250 || code === 421 ? code : 550;
}
