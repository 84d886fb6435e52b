/** How people and the log of a domain look. */
import type { FC } from "hono/jsx";
import type { AuditRow, ChainCheck } from "../directory/audit.ts";
import type { DomainView, Role } from "../directory/domains.ts";
import type { Problem } from "../directory/problem.ts";
import type { Invitation, Member } from "../directory/team.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import { AuditTable } from "./audit-view.tsx";
import { DomainHead } from "./domain-head.tsx";
import { Alert } from "./gate-views.tsx";
import { Icon } from "./icons.tsx";
import { Confirm, Copyable, Field, FormToken, Notice, plural, Time } from "./parts.tsx";

type TeamProps = {
  visitor: Visitor;
  domain: DomainView;
  members: Member[];
  invitations: Invitation[];
  link: string | null;
  problem: Problem | null;
};

const roles: Record<Role, string> = {
  owner: "Owner: everything, people too",
  admin: "Admin: aliases, mailboxes, rules",
  member: "Member: looks, changes nothing",
};

export const TeamView: FC<TeamProps> = (props) => {
  const { domain, link, problem } = props;
  const owner = domain.role === "owner";
  return (
    <>
      <DomainHead domain={domain} at="team" />
      <Alert problem={problem} />
      {link && (
        <div class="card stack" role="status">
          <p>
            <strong>Send them this link.</strong> It works for a week, once, and only for that address. It is shown only
            now.
          </p>
          <Copyable text={link} label="link" />
        </div>
      )}
      <section class="card flush" aria-labelledby="people">
        <div class="toolbar">
          <h2 id="people">People</h2>
          <span class="soft small">{plural(props.members.length, "person", "people")}</span>
        </div>
        <Members {...props} owner={owner} />
      </section>
      {owner && <InviteForm {...props} />}
      {owner && <MfaForm {...props} />}
    </>
  );
};

const Members: FC<TeamProps & { owner: boolean }> = ({ visitor, domain, members, invitations, owner }) => (
  <table class="fold-table">
    <tbody>
      {members.map((member) => (
        <tr>
          <td class="grow">
            <strong>{member.name || member.email}</strong>
            {member.name !== "" && <div class="soft small">{member.email}</div>}
          </td>
          <td>{owner ? <RoleForm {...{ visitor, domain, member }} /> : <span class="soft">{member.role}</span>}</td>
          <td class="acts">
            {member.account === visitor.account.id && <LeaveForm {...{ visitor, domain }} />}
            {owner && member.account !== visitor.account.id && (
              <Confirm label="Remove" ask={`Take ${member.email} out of ${domain.name}?`}>
                <form method="post" action={`/domains/${domain.id}/team/member`}>
                  <FormToken token={visitor.formToken} />
                  <input type="hidden" name="account" value={member.account} />
                  <button class="danger" name="role" value="gone" type="submit">
                    Remove them
                  </button>
                </form>
              </Confirm>
            )}
          </td>
        </tr>
      ))}
      {invitations.map((one) => (
        <tr class="off">
          <td>
            {one.email} <span class="tag">invited</span>
          </td>
          <td class="soft">
            {one.role}, until <Time at={one.expiresAt} />
          </td>
          <td class="acts">
            <form method="post" action={`/domains/${domain.id}/team/uninvite`}>
              <FormToken token={visitor.formToken} />
              <button class="plain small-button" name="invitation" value={one.id} type="submit">
                Take back
              </button>
            </form>
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);

const LeaveForm: FC<{ visitor: Visitor; domain: DomainView }> = ({ visitor, domain }) => (
  <Confirm
    label="Leave"
    ask={`Leave ${domain.name}? Your API keys reach it no more, and only its owners can ask you back.`}
  >
    <form method="post" action={`/domains/${domain.id}/team/leave`}>
      <FormToken token={visitor.formToken} />
      <button class="danger" type="submit">
        Leave this domain
      </button>
    </form>
  </Confirm>
);

const RoleForm: FC<{ visitor: Visitor; domain: DomainView; member: Member }> = ({ visitor, domain, member }) => (
  <form method="post" action={`/domains/${domain.id}/team/member`} class="row">
    <FormToken token={visitor.formToken} />
    <input type="hidden" name="account" value={member.account} />
    <select name="role" aria-label={`Role of ${member.email}`} class="narrow">
      {(["owner", "admin", "member"] as const).map((role) => (
        <option value={role} selected={role === member.role}>
          {role}
        </option>
      ))}
    </select>
    <button class="small-button" type="submit">
      Set
    </button>
  </form>
);

const InviteForm: FC<TeamProps> = ({ visitor, domain }) => (
  <section class="card" aria-labelledby="invite">
    <h2 id="invite">Invite somebody</h2>
    <form method="post" action={`/domains/${domain.id}/team/invite`} class="stack">
      <FormToken token={visitor.formToken} />
      <div class="columns">
        <Field id="email" label="E-mail address">
          <input id="email" name="email" type="email" required maxlength={320} autocomplete="off" />
        </Field>
        <Field id="role" label="Role">
          <select id="role" name="role">
            {(["member", "admin", "owner"] as const).map((role) => (
              <option value={role}>{roles[role]}</option>
            ))}
          </select>
        </Field>
      </div>
      <div>
        <button type="submit">
          <Icon name="plus" />
          Make an invitation
        </button>
      </div>
    </form>
  </section>
);

const MfaForm: FC<TeamProps> = ({ visitor, domain }) => (
  <section class="card stack" aria-labelledby="mfa">
    <h2 id="mfa">Second factor</h2>
    <p>
      {domain.mfa
        ? "Everybody who works on this domain has to sign in with a code or a passkey."
        : "People may work on this domain with a password alone."}
    </p>
    <form method="post" action={`/domains/${domain.id}/team/mfa`}>
      <FormToken token={visitor.formToken} />
      <button name="mfa" value={domain.mfa ? "off" : "on"} type="submit">
        {domain.mfa ? "No longer demand it" : "Demand it of everybody"}
      </button>
    </form>
  </section>
);

type AuditProps = {
  domain: DomainView;
  rows: AuditRow[];
  next: string | null;
  people: ReadonlyMap<string, string>;
  check: ChainCheck | null;
};

export const AuditView: FC<AuditProps> = ({ domain, rows, next, people, check }) => (
  <>
    <DomainHead domain={domain} at="audit" />
    {check?.ok && (
      <div role="status">
        <Notice tone="pass">
          Whole: {plural(check.rows, "row")}, each chained to the one before. Keep this head to compare later:{" "}
          <code>{check.head}</code>
        </Notice>
      </div>
    )}
    {check !== null && !check.ok && (
      <div role="alert">
        <Notice tone="fail">
          Broken at row {check.brokenAt}: it was altered, taken out or put in later. Rows before it are whole.
        </Notice>
      </div>
    )}
    <section class="card flush" aria-labelledby="log">
      <div class="toolbar">
        <h2 id="log">Who changed what</h2>
        <form method="get" action={`/domains/${domain.id}/audit`}>
          <button name="check" value="1" type="submit" class="small-button">
            <Icon name="check" />
            Verify the chain
          </button>
        </form>
      </div>
      <AuditTable rows={rows} people={people} hashes />
      {next !== null && (
        <div class="pager">
          <span />
          <a href={`?before=${next}`} rel="next">
            Older
          </a>
        </div>
      )}
    </section>
  </>
);
