/**
 * One row owns an operation of the API: method, path, who may, what goes in and out, what it does. Routing, rights, scopes,
 * validation, OpenAPI and the tenant-matrix test are all computed from the rows. An answer is shaped by its schema, so a
 * column that the schema does not name can't leave.
 */
import type { z } from "zod";
import type { DomainView, Role } from "../directory/domains.ts";
import type { World } from "../directory/open.ts";
import type { Scope } from "../sign-in/api-key.ts";
import type { Visitor } from "../sign-in/visitor.ts";

export type Who = "anyone" | "account" | "operator" | Role;
export type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

type Shape = z.ZodType;
type Out<S> = S extends z.ZodType ? z.output<S> : undefined;

/** What every operation is told. */
export type Call = {
  env: Env;
  world: World;
  /** Where the request came to; its host is what passkeys are bound to. */
  site: { origin: string; host: string };
  /** The client's address, for limits. */
  ip: string;
  agent: string;
  /** Runs after the answer went out. */
  later(work: Promise<unknown>): void;
  /** Session cookie to give (a token) or to take away (null). */
  cookie?: string | null;
};

/**
 * What is dangerous with a session that somebody else got hold of: what lets them in again (keys, factors, the address, roles,
 * nodes), what takes a guard away, what puts people out, and what can't be got back. Not what is undone by doing the opposite.
 */
export type Proof<B> = { says: string; when(body: B): boolean };

type Inputs<P, Q, B> = { params: Out<P>; query: Out<Q>; body: Out<B> };
type Spec<P, Q, B, A, C> = {
  method: Method;
  /** Under `/api`, with `:name` for parameters. */
  path: string;
  /** OpenAPI's operationId. */
  name: string;
  tag: string;
  /** One line for people. */
  says: string;
  params?: P;
  query?: Q;
  body?: B;
  /** Absent: 204. */
  answer?: A;
  status?: 200 | 201;
  /** Instead of an answer: a stream of server-sent events of this shape, each `data` as JSON. */
  events?: Shape;
  /** Of a personal row: it holds nothing but what its domains hold, so an API key for single domains may ask. */
  byDomain?: true;
  /** Dangerous, always or with such a body: its owner must have proved to be there within a quarter of an hour. */
  proof?: true | Proof<Out<B>>;
  run(call: C & Inputs<P, Q, B>): Promise<A extends z.ZodType ? z.input<A> : void>;
};

export type AnyCall = Call & { visitor: Visitor | null; domain: DomainView | null } & Inputs<Shape, Shape, Shape>;
export type Row = Omit<Spec<Shape, Shape, Shape, Shape, never>, "run" | "proof"> & {
  proof?: true | Proof<unknown>;
  who: Who;
  /** Null: never by API key. */
  scope: Scope | null;
  /** Finds the domain of a row whose path does not name one; null reads as "not there". */
  domainOf: ((call: AnyCall) => Promise<string | null>) | null;
  run(call: AnyCall): Promise<unknown>;
};

export type Personal = Call & { visitor: Visitor };
export type Within = Personal & { domain: DomainView };

/** For everybody, signed in or not. */
export function anyone<P extends Shape, Q extends Shape, B extends Shape, A extends Shape>(
  spec: Spec<P, Q, B, A, Call & { visitor: Visitor | null }>,
): Row {
  return erase(spec, "anyone", null, null);
}

/** For whoever is signed in, about their own things. */
export function personal<P extends Shape, Q extends Shape, B extends Shape, A extends Shape>(
  scope: Scope | null,
  spec: Spec<P, Q, B, A, Personal>,
): Row {
  return erase(spec, "account", scope, null);
}

/** The same, answered by a stream that goes on: `run` opens it. */
export function streamed<Q extends Shape>(
  scope: Scope,
  spec: Omit<Spec<undefined, Q, undefined, undefined, Personal>, "run" | "method" | "answer"> & {
    events: Shape;
    run(call: Personal & Inputs<undefined, Q, undefined>): Promise<Response>;
  },
): Row {
  return erase({ ...spec, method: "GET" }, "account", scope, null);
}

export function operator<P extends Shape, Q extends Shape, B extends Shape, A extends Shape>(
  scope: Scope | null,
  spec: Spec<P, Q, B, A, Personal>,
): Row {
  return erase(spec, "operator", scope, null);
}

/** For a domain's people: `role` or higher in the domain that the path (`:domain`) or `domainOf` names. */
export function within<P extends Shape, Q extends Shape, B extends Shape, A extends Shape>(
  role: Role,
  scope: Scope,
  spec: Spec<P, Q, B, A, Within> & { domainOf?: (call: Personal & Inputs<P, Q, B>) => Promise<string | null> },
): Row {
  return erase(spec, role, scope, spec.domainOf ?? null);
}

// The one place where types are given up: `serve.ts` parses the inputs by these very schemas and checks `who` before `run`.
function erase(spec: object, who: Who, scope: Scope | null, domainOf: unknown): Row {
  return { ...spec, who, scope, domainOf } as Row;
}

const rank: Record<Role, number> = { member: 1, admin: 2, owner: 3 };

export function roleAtLeast(has: Role, needs: Role): boolean {
  return rank[has] >= rank[needs];
}
