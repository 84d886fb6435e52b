// Text cases of rules: blocks that begin with `# name`; lines `key value` set up, lines `expect …` are all that must come out.
import type { AliasDefinition } from "../../../src/core/rules/import/definition.ts";
import { destinationText } from "../../../src/core/rules/import/notation.ts";
import type { Problem } from "../../../src/core/rules/import/problem.ts";

export type Case = { name: string; given: { key: string; value: string }[]; expected: string[] };

export function casesOf(file: string): Case[] {
  const blocks = file.split(/^# /m).slice(1);
  return blocks.map((block) => {
    const [name = "", ...lines] = block.split("\n");
    const pairs = lines
      .filter((line) => line.trim() !== "" && !line.startsWith(";"))
      .map((line) => ({ key: line.split(" ")[0] ?? "", value: line.slice(line.indexOf(" ") + 1) }));
    const given = pairs.filter(({ key }) => key !== "expect");
    return { name, given, expected: pairs.filter(({ key }) => key === "expect").map(({ value }) => value) };
  });
}

export function show(found: { aliases: readonly AliasDefinition[]; problems: readonly Problem[] }): string[] {
  return [...found.aliases.map(showAlias), ...found.problems.map(showProblem)];
}

function showAlias(alias: AliasDefinition): string {
  const off = alias.state === "disabled" ? ` off ${alias.disabledReply}` : "";
  const extra = [alias.note && ` note=${alias.note}`, alias.labels?.length && ` labels=${alias.labels.join("|")}`];
  const name = alias.kind === "catch-all" ? alias.kind : `${alias.kind} ${alias.pattern}`;
  return `${name}${off} -> ${alias.destinations.map(destinationText).join(" ")}${extra.filter(Boolean).join("")}`.trim();
}

function showProblem({ level, code, at, offset }: Problem): string {
  return [level, code, at, offset].filter((part) => part !== null).join(" ");
}
