/**
 * The node's configuration: one JSON file, one schema. The node refuses to start on an unknown key or a wrong value and says
 * which. What only tests may do (`testing`) is refused beside any listener that is not on loopback.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";

const address = z.strictObject({
  host: z.string().min(1).describe("IP address to bind"),
  port: z.int().min(0).max(65535).describe("0: any free port"),
});

/** One that a balancer may stand before. */
const balanced = address.extend({
  proxies: z
    .array(z.union([z.ipv4(), z.ipv6()]))
    .default([])
    .describe("addresses whose PROXY v2 header is required and believed"),
});

const base64Key = z.string().regex(/^[A-Za-z0-9+/]{43}=$/, "32 bytes in base64");

export const configSchema = z
  .strictObject({
    node: z.strictObject({
      id: z.string().regex(/^[A-Za-z0-9-]{1,64}$/),
      /** Names itself so in greetings, trace headers and HELO. */
      hostname: z.string().min(1).max(255),
    }),
    /** Folder for everything that is kept. */
    data: z.string().min(1),
    /** JSON file with the node's secrets, mode 0600: see `identitySchema`. */
    identity: z.string().min(1),
    /** null: this node serves protocols only and knows no edge. */
    edge: z.strictObject({ origin: z.url(), publicKey: base64Key }).nullable(),
    tls: z.strictObject({ cert: z.string(), key: z.string() }),
    listen: z.strictObject({
      imaps: balanced.optional(),
      imap: balanced.optional(),
      pop3s: balanced.optional(),
      pop3: balanced.optional(),
      door: balanced.optional(),
      handoff: address.optional(),
      /** Numbers for the operator's monitoring, in clear: only on loopback. */
      metrics: address.optional(),
    }),
    /** `ip:port` of resolvers; empty: the system's. */
    dns: z.strictObject({ servers: z.array(z.string()).default([]) }).default({ servers: [] }),
    delivery: z.strictObject({ port: z.int().min(1).max(65535).default(25) }).default({ port: 25 }),
    /** Copies are made (`postern backup`): the edge keeps what this node took until `mark`, which that command writes, says that one holds it. */
    backup: z.strictObject({ mark: z.string().min(1).describe("file, best on another disk") }).optional(),
    /** Threads that own mailboxes. */
    workers: z.int().min(1).max(64).optional(),
    /** Mailboxes of a node without an edge: path of a JSON file, an array of mailbox records. */
    standalone: z.string().optional(),
    testing: z
      .strictObject({
        /** Log in over plain text, and by test-only keyslots. */
        insecurePlain: z.boolean().default(false),
        /** Deliver to loopback addresses. */
        loopbackDestinations: z.boolean().default(false),
      })
      .default({ insecurePlain: false, loopbackDestinations: false }),
  })
  .superRefine((config, context) => {
    const { metrics } = config.listen;
    if (metrics !== undefined && !isLoopback(metrics.host))
      context.addIssue({ code: "custom", path: ["listen", "metrics", "host"], message: "metrics stay on loopback" });
    if (!config.testing.insecurePlain && !config.testing.loopbackDestinations) return;
    for (const [name, at] of Object.entries(config.listen)) {
      if (at !== undefined && !isLoopback(at.host)) {
        context.addIssue({
          code: "custom",
          path: ["listen", name, "host"],
          message: "a public listener can't run beside `testing` settings",
        });
      }
    }
  });
export type Config = z.infer<typeof configSchema>;
/** As it is written: what has a default may be left out. */
export type ConfigFile = z.input<typeof configSchema>;

export const identitySchema = z.strictObject({
  /** Ed25519 seed: signs calls to the edge. */
  seed: base64Key,
  /** Keys the node's own database. */
  storeKey: base64Key,
});
export type NodeIdentity = z.infer<typeof identitySchema>;

/** Throws an `Error` whose message names every wrong key. */
export function readConfig(path: string): Config {
  return parse(configSchema, path);
}

export function readIdentity(path: string): NodeIdentity {
  return parse(identitySchema, path);
}

function parse<T>(schema: z.ZodType<T>, path: string): T {
  const parsed = schema.safeParse(JSON.parse(readFileSync(path, "utf8")));
  if (parsed.success) return parsed.data;
  throw new Error(`${path} is not a valid configuration:\n${z.prettifyError(parsed.error)}`);
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}
