/** The small parts that pages are made of. */
import type { Child, FC, PropsWithChildren } from "hono/jsx";
import { Icon, type IconName } from "./icons.tsx";
import { type Tone, toneIcon, type Verdict } from "./words.ts";

export const Head: FC<PropsWithChildren<{ title: Child; says?: Child; crumbs?: Child }>> = (props) => (
  <div class="head">
    <div class="head-text">
      {props.crumbs && <div class="crumbs">{props.crumbs}</div>}
      <h1>{props.title}</h1>
      {props.says && <p>{props.says}</p>}
    </div>
    {props.children && <div class="row">{props.children}</div>}
  </div>
);

export const Notice: FC<PropsWithChildren<{ tone: Tone }>> = ({ tone, children }) => (
  <div class={`notice ${tone}`}>
    <Icon name={toneIcon(tone)} />
    <div>{children}</div>
  </div>
);

export const Badge: FC<PropsWithChildren<{ tone: Tone; title?: string }>> = ({ tone, title, children }) => (
  <span class={`badge ${tone}`} title={title}>
    <Icon name={toneIcon(tone)} />
    {children}
  </span>
);

export const VerdictBadge: FC<{ verdict: Verdict }> = ({ verdict }) => (
  <Badge tone={verdict.tone} title={verdict.plain}>
    {verdict.name}
    <span class="out-of-sight">: {verdict.result}</span>
  </Badge>
);

export const Empty: FC<PropsWithChildren<{ icon: IconName; title: string }>> = ({ icon, title, children }) => (
  <div class="empty">
    <Icon name={icon} />
    <h2>{title}</h2>
    {children}
  </div>
);

type FieldProps = { id: string; label: string; hint?: Child; wrong?: string | null };

/** A label, its control and what to say about it; the control takes `aria` from `fieldAria`. */
export const Field: FC<PropsWithChildren<FieldProps>> = ({ id, label, hint, wrong, children }) => (
  <div class="field">
    <label for={id}>{label}</label>
    {children}
    {wrong && (
      <span class="wrong" id={`${id}-wrong`}>
        {wrong}
      </span>
    )}
    {hint && (
      <span class="hint" id={`${id}-hint`}>
        {hint}
      </span>
    )}
  </div>
);

export function fieldAria(id: string, has: { hint?: boolean; wrong?: boolean }): Record<string, string> {
  const about = [has.wrong && `${id}-wrong`, has.hint && `${id}-hint`].filter((one) => typeof one === "string");
  return {
    ...(about.length > 0 ? { "aria-describedby": about.join(" ") } : {}),
    ...(has.wrong ? { "aria-invalid": "true" } : {}),
  };
}

/** `local@domain`, the second half softer. */
export const Address: FC<{ text: string }> = ({ text }) => {
  const at = text.lastIndexOf("@");
  if (at < 0) return <span class="address">{text}</span>;
  return (
    <span class="address">
      {text.slice(0, at)}
      <span class="at">{text.slice(at)}</span>
    </span>
  );
};

/** UTC for everybody; the site island writes it in the reader's own time. `exact`: with seconds. */
export const Time: FC<{ at: number; exact?: boolean }> = ({ at, exact }) => {
  const iso = new Date(at).toISOString();
  return <time datetime={iso} data-exact={exact}>{`${iso.slice(0, 10)} ${iso.slice(11, exact ? 19 : 16)} UTC`}</time>;
};

export const Copyable: FC<{ text: string; label: string }> = ({ text, label }) => (
  <div class="copyable">
    <code>{text}</code>
    <button type="button" class="small-button" data-copy={text} hidden>
      <Icon name="copy" />
      <span class="out-of-sight">Copy {label}</span>
    </button>
  </div>
);

/** A fold that holds a dangerous button back; works without scripts. */
export const Confirm: FC<PropsWithChildren<{ label: string; ask: string }>> = ({ label, ask, children }) => (
  <details class="confirm">
    <summary>{label}</summary>
    <div class="confirm-box">
      <p>{ask}</p>
      {children}
    </div>
  </details>
);

export const FormToken: FC<{ token: string }> = ({ token }) => <input type="hidden" name="token" value={token} />;

export function bytesText(bytes: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  let at = 0;
  let value = bytes;
  while (value >= 1000 && at < units.length - 1) {
    value /= 1024;
    at += 1;
  }
  return `${value < 10 && at > 0 ? value.toFixed(1) : Math.round(value)} ${units[at]}`;
}

export function plural(n: number, one: string, many = `${one}s`): string {
  return `${n.toLocaleString("en")} ${n === 1 ? one : many}`;
}
