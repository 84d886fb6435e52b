/**
 * Transcripts: what clients send and what must come back, as text. Several scenarios a file, each begun by its title:
 *
 *   # expunge-waits-for-noop   RFC 9051 §7.5.1   [peer]
 *   given INBOX with 2 messages; message 1 is \Deleted; A and B selected INBOX
 *
 *   A> a1 EXPUNGE            sent
 *   A< * 1 EXPUNGE           must come, in this order
 *   A~ * 1 FETCH …           must come, in any order within the group
 *   A! * 1 EXPUNGE           must not come before the next tagged reply
 *   A| text                  goes on the line before, after a CRLF (literals)
 *   A@ word                  the rest of what came is not looked at up to the reply with this tag
 *   A. closed                the server ended the connection
 *
 * `$name` captures a word and must then match; in what is sent it stands for what was captured. A status reply is held to its first words, so that
 * texts are free; any other line is held whole. `…` at an end stands for anything. A reply that no line lists is an error.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type Step =
  | { kind: "send" | "expect" | "any" | "never"; who: string; text: string; line: number }
  | { kind: "skip" | "closed"; who: string; text: string; line: number };
export type Scenario = { name: string; title: string; peer: boolean; given: string[]; steps: Step[]; file: string };

const kinds: Record<string, Step["kind"]> = {
  ">": "send",
  "<": "expect",
  "~": "any",
  "!": "never",
  "@": "skip",
  ".": "closed",
};

export function parseScenarios(file: string, text: string): Scenario[] {
  const scenarios: Scenario[] = [];
  for (const [i, line] of text.split("\n").entries()) {
    const scenario = scenarios.at(-1);
    if (line.startsWith("# ")) {
      const [name = ""] = line.slice(2).trim().split(/\s+/);
      scenarios.push({ name, title: line.slice(2).trim(), peer: line.includes("[peer]"), given: [], steps: [], file });
    } else if (line.trim() === "" || line.startsWith("//")) continue;
    else if (!scenario) throw new Error(`${file}:${i + 1}: a scenario begins with #`);
    else if (line.startsWith("given "))
      scenario.given.push(
        ...line
          .slice(6)
          .split(";")
          .map((one) => one.trim()),
      );
    else addStep(scenario, line, i + 1);
  }
  return scenarios;
}

function addStep(scenario: Scenario, line: string, at: number): void {
  const [, who = "", mark = "", text = ""] = /^([A-Z])([><~!|@.]) ?(.*)$/.exec(line) ?? [];
  const last = scenario.steps.at(-1);
  if (mark === "|" && last?.who === who) {
    last.text += `\r\n${text}`;
    return;
  }
  const kind = kinds[mark];
  if (!kind) throw new Error(`${scenario.file}:${at}: not a step: ${line}`);
  scenario.steps.push({ kind, who, text, line: at });
}

export type Captures = Map<string, string>;

/** Text to send: captured words, and `\x00` or `\x00*9` for bytes. */
export function spelled(text: string, captures: Captures): string {
  return withBytes(text.replace(/\$([a-z][a-zA-Z0-9]*)/g, (whole, name: string) => captures.get(name) ?? whole));
}

function withBytes(text: string): string {
  const utf8 = Buffer.from(text, "utf8").toString("latin1");
  return utf8.replace(/\\x([0-9a-f]{2})(?:\*(\d+))?/g, (_, hex: string, times?: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)).repeat(Number(times ?? 1)),
  );
}

/** Status replies are matched by their first words. */
const status = /^(?:\* |[A-Za-z0-9.]+ |\+ ?)?(?:OK|NO|BAD|BYE|PREAUTH)\b|^\+|^-ERR/;

/** Does `actual` (latin-1) fit `expected`? Captures on success. */
export function fits(expected: string, actual: string, captures: Captures): boolean {
  const names: string[] = [];
  const pattern = withBytes(expected)
    .split(/(\$[a-z][a-zA-Z0-9]*|\xe2\x80\xa6)/)
    .map((piece) => {
      if (piece === "\xe2\x80\xa6") return ".*";
      if (!/^\$[a-z]/.test(piece)) return literally(piece);
      const known = captures.get(piece.slice(1));
      if (known !== undefined) return literally(known);
      names.push(piece.slice(1));
      return '([^\\s()"\\]]+)';
    })
    .join("");
  const match = new RegExp(`^${pattern}${status.test(expected) ? "(?:[ \\]].*)?" : ""}$`, "s").exec(actual);
  if (!match) return false;
  for (const [i, name] of names.entries()) captures.set(name, match[i + 1] ?? "");
  return true;
}

function literally(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
}

export function scenariosOf(folder: "imap" | "pop3"): Scenario[] {
  const at = join(import.meta.dirname, folder);
  const files = readdirSync(at).filter((file) => file.endsWith(".txt"));
  return files.flatMap((file) => parseScenarios(`${folder}/${file}`, readFileSync(join(at, file), "utf8")));
}
