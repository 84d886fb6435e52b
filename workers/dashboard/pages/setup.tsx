/** Setting a domain up: prove it is yours, then say where its mail goes. Can be walked again at any time. */
import { Hono } from "hono";
import { z } from "zod";
import { ownershipRecord, proveDomain } from "../../directory/domains.ts";
import { nodeById } from "../../directory/nodes.ts";
import { openEdge } from "../../platform.ts";
import type { App } from "../../sign-in/visitor.ts";
import { DomainHead } from "../domain-head.tsx";
import { formOf, signedIn } from "../guard.tsx";
import { Copyable, FormToken, Notice } from "../parts.tsx";
import { domainHere } from "../reader.ts";
import { page } from "../shell.tsx";

export const setupPages = new Hono<App>();

setupPages.get(
  "/domains/:domain/setup",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    const record = ownershipRecord(domain);
    const node = domain.node === null ? null : await nodeById(c.get("world"), domain.node);
    const missed = c.req.query("not");
    const body = (
      <>
        <DomainHead domain={domain} at="setup" />
        {missed === "missing" && (
          <Notice tone="warn">The record is not there yet. DNS can take a few minutes; then check again.</Notice>
        )}
        {missed === "trouble" && (
          <Notice tone="warn">DNS did not answer just now. Please check again in a moment.</Notice>
        )}
        <section class="card stack" aria-labelledby="prove">
          <h2 id="prove">1. Prove that {domain.name} is yours</h2>
          {domain.state === "pending" ? (
            <>
              <p>Add this TXT record where the domain's DNS is kept. It stays public and is not secret.</p>
              <dl class="facts">
                <dt>Name</dt>
                <dd>
                  <Copyable text={record.name} label="name" />
                </dd>
                <dt>Type</dt>
                <dd>TXT</dd>
                <dt>Value</dt>
                <dd>
                  <Copyable text={record.value} label="value" />
                </dd>
              </dl>
              <form method="post" action={`/domains/${domain.id}/prove`}>
                <FormToken token={visitor.formToken} />
                <button class="main" type="submit">
                  Check now
                </button>
              </form>
            </>
          ) : (
            <Notice tone="pass">Done.</Notice>
          )}
        </section>
        <section class="card stack" aria-labelledby="route">
          <h2 id="route">2. Say where its mail goes</h2>
          {node === null ? (
            <p>
              Turn on Email Routing for this zone in your Cloudflare account, with the catch-all sent to the Worker.
            </p>
          ) : (
            <dl class="facts">
              <dt>Name</dt>
              <dd>
                <Copyable text={domain.name} label="name" />
              </dd>
              <dt>Type</dt>
              <dd>MX, priority 10</dd>
              <dt>Value</dt>
              <dd>
                <Copyable text={node.mxHost} label="value" />
              </dd>
            </dl>
          )}
        </section>
      </>
    );
    return page(c, visitor, { title: `Set up ${domain.name}`, at: "domains" }, body);
  }),
);

setupPages.post(
  "/domains/:domain/prove",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    await formOf(c, visitor, z.object({}));
    const { dns } = openEdge(c.env, c.executionCtx);
    const proof = domain.state === "pending" ? await proveDomain(c.get("world"), domain, dns) : "active";
    return c.redirect(`/domains/${domain.id}/setup?${proof === "active" ? "done=domain-proved" : `not=${proof}`}`, 303);
  }),
);
