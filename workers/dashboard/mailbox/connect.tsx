/** Settings for mail apps: the servers to copy, and what to do in each app. */
import type { FC } from "hono/jsx";
import type { Service } from "../../../src/core/client-setup/service.ts";
import { Copyable, Notice } from "../parts.tsx";

const protocols: Record<Service["protocol"], string> = { imap: "IMAP", pop3: "POP3", smtp: "SMTP (sending)" };

export const Connect: FC<{ address: string; services: readonly Service[] }> = ({ address, services }) => {
  const first = services.filter(({ tls }) => tls === "implicit");
  const others = services.filter(({ tls }) => tls !== "implicit");
  return (
    <div class="stack">
      {services.length === 0 && (
        <Notice tone="warn">The node has not said yet where mail apps reach it. Look again in a minute.</Notice>
      )}
      <p>
        Choose “add a mail account” and type the address and the app password: most apps find the rest by themselves. If
        one asks, these are the settings. IMAP keeps all devices in step; POP3 only fetches.
      </p>
      <dl class="facts">
        <dt>User name</dt>
        <dd>
          <Copyable text={address} label="user name" />
        </dd>
        <dt>Password</dt>
        <dd>the device's app password</dd>
      </dl>
      <Servers services={first.length > 0 ? first : others} />
      {first.length > 0 && others.length > 0 && (
        <details>
          <summary>Other ports, for older apps (STARTTLS)</summary>
          <Servers services={others} />
        </details>
      )}
      <Apps address={address} server={first[0] ?? others[0]} />
    </div>
  );
};

const Servers: FC<{ services: readonly Service[] }> = ({ services }) => (
  <table class="fold-table">
    <thead>
      <tr>
        <th scope="col">For</th>
        <th scope="col">Server</th>
        <th scope="col">Port</th>
        <th scope="col">Security</th>
      </tr>
    </thead>
    <tbody>
      {services.map((one) => (
        <tr>
          <td>{protocols[one.protocol]}</td>
          <td class="mono grow">{one.host}</td>
          <td class="mono">{one.port}</td>
          <td class="soft">{one.tls === "implicit" ? "SSL/TLS" : "STARTTLS"}</td>
        </tr>
      ))}
    </tbody>
  </table>
);

const Apps: FC<{ address: string; server: Service | undefined }> = ({ address, server }) => (
  <div class="stack tight">
    <details>
      <summary>iPhone, iPad or Mac</summary>
      <div class="columns">
        <img
          class="qr"
          src={`/apple/qr.svg?email=${encodeURIComponent(address)}`}
          alt="QR code of the profile's address"
          width={180}
          height={180}
          loading="lazy"
        />
        <p>
          Point the camera at the code, or{" "}
          <a href={`/apple/mobileconfig?email=${encodeURIComponent(address)}`}>open the profile</a> on the device. It
          sets the account up and asks only for the app password.
        </p>
      </div>
    </details>
    <details>
      <summary>Thunderbird, K-9, Evolution</summary>
      <p>Type your name, the address and the app password, then “Continue”. The servers are found by themselves.</p>
    </details>
    <details>
      <summary>Outlook</summary>
      <p>
        Add account → type the address → “IMAP”. If it asks for the server: {server?.host ?? "the one above"}, port{" "}
        {server?.port ?? 993}, encryption SSL/TLS, and the app password.
      </p>
    </details>
    <details>
      <summary>Android: Gmail, Samsung Email, FairEmail</summary>
      <p>
        Add account → Other (IMAP) → the address → the app password → incoming server {server?.host ?? "as above"}, port{" "}
        {server?.port ?? 993}, SSL/TLS.
      </p>
    </details>
  </div>
);
