/** Every operation of the API. */
import type { Row } from "./row.ts";
import { accountRows } from "./rows/account.ts";
import { activityRows } from "./rows/activity.ts";
import { aliasRows } from "./rows/aliases.ts";
import { byMailRows } from "./rows/by-mail.ts";
import { dnsRows } from "./rows/dns.ts";
import { domainRows } from "./rows/domains.ts";
import { mailboxRows } from "./rows/mailboxes.ts";
import { moveRows } from "./rows/moves.ts";
import { nodeRows } from "./rows/nodes.ts";
import { ruleRows } from "./rows/rules.ts";
import { securityRows } from "./rows/security.ts";
import { senderRows } from "./rows/senders.ts";
import { sessionRows } from "./rows/session.ts";
import { teamRows } from "./rows/team.ts";
import { txtRows } from "./rows/txt.ts";
import { vacationRows } from "./rows/vacation.ts";
import { webhookRows } from "./rows/webhooks.ts";

export const rows: readonly Row[] = [
  ...sessionRows,
  ...byMailRows,
  ...accountRows,
  ...securityRows,
  ...domainRows,
  ...vacationRows,
  ...senderRows,
  ...aliasRows,
  ...ruleRows,
  ...webhookRows,
  ...dnsRows,
  ...txtRows,
  ...mailboxRows,
  ...activityRows,
  ...teamRows,
  ...nodeRows,
  ...moveRows,
];
