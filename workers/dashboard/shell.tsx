/** The frame around every page: mark, places to go, who is here; and the plain one for people who are still outside. */
import type { Context } from "hono";
import { getCookie } from "hono/cookie";
import { html } from "hono/html";
import type { Child, FC } from "hono/jsx";
import type { App, Visitor } from "../sign-in/visitor.ts";
import { Icon, type IconName, Mark, Sprite } from "./icons.tsx";
import { noteOf } from "./notes.ts";
import { Notice } from "./parts.tsx";

export type Place =
  | "overview"
  | "domains"
  | "mailboxes"
  | "activity"
  | "charts"
  | "reports"
  | "nodes"
  | "security"
  | "reference";
type Link = { at: Place; href: string; label: string; icon: IconName; wide?: true };

const everyday: Link[] = [
  { at: "overview", href: "/", label: "Overview", icon: "overview" },
  { at: "domains", href: "/domains", label: "Domains", icon: "domains" },
  { at: "mailboxes", href: "/mailboxes", label: "Mailboxes", icon: "mailboxes" },
  { at: "activity", href: "/activity", label: "Activity", icon: "activity" },
  { at: "charts", href: "/charts", label: "Charts", icon: "chart", wide: true },
  { at: "reports", href: "/reports", label: "Reports", icon: "report", wide: true },
];
const yours: Link[] = [
  { at: "security", href: "/security", label: "Sign-in", icon: "security" },
  { at: "reference", href: "/reference", label: "API", icon: "book", wide: true },
];

const operators: Link[] = [{ at: "nodes", href: "/nodes", label: "Nodes", icon: "device", wide: true }];

export type PageProps = { title: string; at: Place; islands?: string[]; status?: 200 | 403 | 404 | 409 | 422 | 429 };

/** A page for somebody signed in. */
export function page(c: Context<App>, visitor: Visitor, props: PageProps, body: Child): Response | Promise<Response> {
  const frame = (
    <div class="frame">
      <header class="rail">
        <a class="brand" href="/">
          <Mark />
          Postern
        </a>
        <button type="button" class="jump" data-jump aria-keyshortcuts="Control+K Meta+K" hidden>
          <Icon name="search" />
          <span>Jump to…</span>
          <kbd>Ctrl K</kbd>
        </button>
        <Nav at={props.at} operator={visitor.account.operator} />
        <RailFoot visitor={visitor} theme={themeOf(c)} />
      </header>
      <main class="sheet" id="main">
        <div class="content">
          <Flash c={c} />
          {body}
        </div>
      </main>
    </div>
  );
  return respond(c, props.title, ["site", ...(props.islands ?? [])], frame, props.status ?? 200);
}

/** A page for somebody outside: sign-in, set-up, errors. */
export function gate(
  c: Context<App>,
  props: { title: string; islands?: string[]; status?: number; wide?: true },
  body: Child,
): Response | Promise<Response> {
  const frame = props.wide ? (
    <Open>{body}</Open>
  ) : (
    <div class="gate">
      <main class="gate-form" id="main">
        <div>
          <a class="brand" href="/">
            <Mark size={34} />
            Postern
          </a>
          {body}
        </div>
      </main>
      <aside class="gate-wall" aria-hidden="true">
        <div class="gate-arch">
          <span class="gate-lamp" />
          <div class="gate-words">
            <p>Mail comes in at the front. The side door opens for you alone.</p>
            <small>
              What is kept here is sealed to its owner the moment it is received, and opened only where its owner is
              logged in.
            </small>
          </div>
        </div>
      </aside>
    </div>
  );
  return respond(c, props.title, ["site", ...(props.islands ?? [])], frame, props.status ?? 200);
}

/** A whole page for people outside: nothing to sign in for. */
const Open: FC<{ children?: Child }> = ({ children }) => (
  <main class="sheet" id="main">
    <div class="content">
      <a class="brand" href="/">
        <Mark />
        Postern
      </a>
      {children}
    </div>
  </main>
);

const Nav: FC<{ at: Place; operator: boolean }> = ({ at, operator }) => (
  <nav class="nav" aria-label="Places">
    {[...everyday, ...(operator ? operators : [])].map((link) => (
      <NavLink link={link} at={at} />
    ))}
    <h2>You</h2>
    {yours.map((link) => (
      <NavLink link={link} at={at} />
    ))}
  </nav>
);

const NavLink: FC<{ link: Link; at: Place }> = ({ link, at }) => (
  <a
    href={link.href}
    class={link.wide ? "wide" : undefined}
    aria-current={link.at === at ? "page" : undefined}
    data-place={link.at}
  >
    <Icon name={link.icon} />
    {link.label}
  </a>
);

const RailFoot: FC<{ visitor: Visitor; theme: Theme }> = ({ visitor, theme }) => (
  <div class="rail-foot">
    <div class="rail-who" title={visitor.account.email}>
      {visitor.account.email}
    </div>
    <div class="rail-acts">
      <form method="post" action="/theme">
        <button
          type="submit"
          class="plain small-button"
          name="theme"
          value={theme === "dark" ? "light" : "dark"}
          data-theme-button
        >
          <span class="when-light">
            <Icon name="moon" />
          </span>
          <span class="when-dark">
            <Icon name="sun" />
          </span>
          <span class="out-of-sight">Switch between light and dark</span>
        </button>
      </form>
      <form method="post" action="/sign-out">
        <input type="hidden" name="token" value={visitor.formToken} />
        <button class="plain small-button" type="submit">
          <Icon name="out" />
          Sign out
        </button>
      </form>
    </div>
  </div>
);

const Flash: FC<{ c: Context<App> }> = ({ c }) => {
  const note = noteOf(c.req.query("done"), c.req.query("n"));
  return note === null ? null : (
    <div role="status">
      <Notice tone="pass">{note}</Notice>
    </div>
  );
};

function respond(
  c: Context<App>,
  title: string,
  islands: string[],
  frame: Child,
  status: number,
): Response | Promise<Response> {
  const nonce = c.get("nonce");
  const theme = themeOf(c);
  const document = (
    <html lang="en" data-theme={theme ?? undefined}>
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>{`${title} · Postern`}</title>
        <meta name="referrer" content="same-origin" />
        <meta name="robots" content="noindex" />
        <link rel="icon" href="/mark.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/postern.css" />
        {/* Before the first frame is painted: what scripts add or put into the reader's words never shifts what is read. */}
        {islands.map((name) => (
          <script type="module" src={`/islands/${name}.js`} nonce={nonce} blocking="render" />
        ))}
      </head>
      <body>
        <a class="skip" href="#main">
          Skip to the content
        </a>
        {frame}
        <Sprite />
      </body>
    </html>
  );
  return c.html(html`<!doctype html>${document}`, status as 200);
}

export type Theme = "light" | "dark" | null;
function themeOf(c: Context<App>): Theme {
  const kept = getCookie(c, "theme");
  return kept === "light" || kept === "dark" ? kept : null;
}
