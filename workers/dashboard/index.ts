/** The dashboard's door: every page, server-rendered, over the same functions as the API. */
import { Hono } from "hono";
import { Problem } from "../directory/problem.ts";
import { type App, findVisitor, refuseForeign } from "../sign-in/visitor.ts";
import { errorPage, securityHeaders } from "./guard.tsx";
import { activityPages } from "./pages/activity.tsx";
import { aliasPages } from "./pages/aliases.tsx";
import { answerPages } from "./pages/answers.tsx";
import { byMailPages } from "./pages/by-mail.tsx";
import { chartPages } from "./pages/charts.tsx";
import { dnsOnlyPages } from "./pages/dns-only.tsx";
import { domainPages } from "./pages/domains.tsx";
import { explainPages } from "./pages/explain.tsx";
import { hookPages } from "./pages/hooks.tsx";
import { mailboxPage } from "./pages/mailbox.tsx";
import { mailboxPages } from "./pages/mailboxes.tsx";
import { movePages } from "./pages/moves.tsx";
import { nodePages } from "./pages/nodes.tsx";
import { overviewPages } from "./pages/overview.tsx";
import { referencePages } from "./pages/reference.tsx";
import { reportPages } from "./pages/reports.tsx";
import { securityPages } from "./pages/security.tsx";
import { senderPages } from "./pages/senders.tsx";
import { setupPages } from "./pages/setup.tsx";
import { signInPages } from "./pages/sign-in.tsx";
import { signUpPages } from "./pages/sign-up.tsx";
import { teamPages } from "./pages/team.tsx";
import { transferPages } from "./pages/transfer.tsx";
import { txtPages } from "./pages/txt.tsx";

const pages = [
  signInPages,
  signUpPages,
  byMailPages,
  overviewPages,
  domainPages,
  aliasPages,
  setupPages,
  teamPages,
  mailboxPages,
  mailboxPage,
  movePages,
  activityPages,
  chartPages,
  nodePages,
  reportPages,
  securityPages,
  referencePages,
  explainPages,
  hookPages,
  senderPages,
  transferPages,
  answerPages,
  txtPages,
  dnsOnlyPages,
];

export function dashboardRoutes(): Hono<App> {
  const app = new Hono<App>();
  app.onError(errorPage);
  app.use("*", securityHeaders, findVisitor, refuseForeign);
  for (const each of pages) app.route("/", each);
  app.notFound((c) => errorPage(new Problem(404, "not-found", "There is no such page."), c));
  return app;
}
