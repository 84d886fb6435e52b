/** The house's rules: who may import whom, nothing undeclared, no cycle, no debt words. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const files = globSync(
  ["src/**/*.ts", "workers/**/*.{ts,tsx}", "test/**/*.ts", "bench/**/*.ts", "*.ts", "workers/**/*.mjs"],
  { cwd: root },
)
  .filter((file) => !/\.d\.ts$|node_modules|\/public\//.test(file))
  .sort();
const source = new Map(files.map((file) => [file, readFileSync(join(root, file), "utf8")]));

type Import = { from: string; to: string; typeOnly: boolean };
const imports: Import[] = files.flatMap((file) => importsOf(file));

function importsOf(file: string): Import[] {
  const text = (source.get(file) ?? "").replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  const found: Import[] = [];
  for (const match of text.matchAll(/^\s*(import|export)\s+(type\s)?(?:[^"';]*?\sfrom\s+)?"([^"\n]+)"/gm)) {
    found.push({ from: file, to: target(file, match[3] ?? ""), typeOnly: match[2] !== undefined });
  }
  for (const match of text.matchAll(/\bimport\(\s*"([^"\n]+)"\s*\)/g)) {
    found.push({ from: file, to: target(file, match[1] ?? ""), typeOnly: true });
  }
  return found;
}

function target(file: string, specifier: string): string {
  return specifier.startsWith(".") ? relative(root, resolve(root, dirname(file), specifier)) : specifier;
}

const protocols = ["imap", "pop3", "submission", "door"];
/** [who, what of ours it may import], first match decides. */
const rules: readonly (readonly [RegExp, RegExp])[] = [
  [/^src\/core\//, /^src\/core\//],
  [/^workers\//, /^(workers|src\/core)\//],
  [/^src\/daemon\/sqlite\//, /^src\/daemon\/sqlite\//],
  [/^src\/daemon\/store\//, /^src\/(core|daemon\/(sqlite|store))\/|^src\/daemon\/platform.ts$/],
  [/^src\/daemon\/queue\//, /^src\/(core|daemon\/(net|sqlite|queue))\/|^src\/daemon\/platform.ts$/],
  ...["net", "scan"].map(
    (part) =>
      [new RegExp(`^src/daemon/${part}/`), new RegExp(`^src/(core|daemon/${part})/|^src/daemon/platform.ts$`)] as const,
  ),
  ...protocols.map(
    (part) =>
      [
        new RegExp(`^src/daemon/${part}/`),
        new RegExp(`^src/(core|daemon/net|daemon/${part})/|^src/daemon/platform.ts$`),
      ] as const,
  ),
  ...["handoff", "backup"].map(
    (part) =>
      [
        new RegExp(`^src/daemon/${part}/`),
        new RegExp(`^src/(core|daemon/store|daemon/${part})/|^src/daemon/platform.ts$`),
      ] as const,
  ),
  [/^src\/daemon\/(main|config|platform)/, /^src\/(core|daemon)\//],
  [/^src\/cli\//, /^(src\/(core|daemon|cli)|bench|test\/fuzz)\//],
  [/^bench\//, /^(src|bench|test)\//],
  [/^test\//, /^(src|test|workers|bench)\//],
];

describe("who may import whom", () => {
  test("rules are kept", () => {
    const broken = imports.filter(
      ({ from, to }) =>
        /^(src|workers|test|bench)\//.test(to) && !(rules.find(([who]) => who.test(from))?.[1].test(to) ?? true),
    );
    expect(broken.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  test("the core and its suite know no runtime", () => {
    const runtimes = imports.filter(
      ({ from, to }) => /^src\/core\//.test(from) && /^(node:|cloudflare:|wrangler)/.test(to),
    );
    expect(runtimes.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
  });

  test("every file falls under a rule", () => {
    expect(
      files.filter((file) => /^(src|workers|test|bench)\//.test(file) && !rules.some(([who]) => who.test(file))),
    ).toEqual([]);
  });
});

test("only declared packages are imported", () => {
  const manifest: { dependencies: Record<string, string>; devDependencies: Record<string, string> } = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const production = new Set(Object.keys(manifest.dependencies));
  const all = new Set([...production, ...Object.keys(manifest.devDependencies)]);
  const undeclared = imports.filter(({ from, to }) => {
    if (/^(src|workers|test|bench|migrations|vitest|drizzle)/.test(to) && !all.has(to.split("/")[0] ?? ""))
      return false;
    if (/^(node:|cloudflare:|\.)/.test(to)) return false;
    const name = to
      .split("/")
      .slice(0, to.startsWith("@") ? 2 : 1)
      .join("/");
    return (
      !(/^(src\/(core|daemon)|workers)\//.test(from) ? production : all).has(name) &&
      !(from.endsWith(".mjs") && all.has(name))
    );
  });
  expect(undeclared.map(({ from, to }) => `${from} → ${to}`)).toEqual([]);
});

test("versions are pinned exactly and the lockfile names no address", () => {
  const manifest: Record<string, Record<string, string>> = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  const loose = Object.entries({ ...manifest["dependencies"], ...manifest["devDependencies"] }).filter(
    ([, version]) => !/^(npm:[\w@/-]+@)?\d+\.\d+\.\d+$/.test(version),
  );
  expect(loose).toEqual([]);
  expect(readFileSync(join(root, "package-lock.json"), "utf8")).not.toMatch(/"resolved"|https?:\/\/[^"]*registry/);
});

test("the lockfile holds every platform (bin/complete-lock.mjs)", () => {
  const lock: { packages: Record<string, { optionalDependencies?: Record<string, string> }> } = JSON.parse(
    readFileSync(join(root, "package-lock.json"), "utf8"),
  );
  const held = new Set(Object.keys(lock.packages).map((path) => path.slice(path.lastIndexOf("node_modules/") + 13)));
  const named = Object.values(lock.packages).flatMap((facts) => Object.keys(facts.optionalDependencies ?? {}));
  expect(named.filter((name) => !held.has(name))).toEqual([]);
});

test("no import cycle", () => {
  const graph = new Map<string, string[]>();
  for (const { from, to, typeOnly } of imports) {
    if (!typeOnly && source.has(to)) graph.set(from, [...(graph.get(from) ?? []), to]);
  }
  expect(findCycle(graph)).toEqual([]);
});

function findCycle(graph: Map<string, string[]>): string[] {
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): string[] => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return [];
    path.push(file);
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next);
      if (cycle.length > 0) return cycle;
    }
    path.pop();
    done.add(file);
    return [];
  };
  for (const file of graph.keys()) {
    const cycle = visit(file);
    if (cycle.length > 0) return cycle;
  }
  return [];
}

test("databases of the node are opened one way only", () => {
  // PRAGMA key as text, serialize() and backup() leak or fail on encrypted files; ATTACH takes its key as a bound value.
  const offences = [...source].filter(
    ([file, text]) =>
      file.startsWith("src/") &&
      /PRAGMA\s+key|\.serialize\(\)|\.backup\(|ATTACH[^;"`]*KEY\s+['"]/i.test(
        text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ""),
      ),
  );
  expect(offences.map(([file]) => file)).toEqual([]);
  const openers = imports.filter(({ from, to }) => /^src\//.test(from) && to === "better-sqlite3");
  expect(openers.filter(({ from }) => !from.startsWith("src/daemon/sqlite/"))).toEqual([]);
});

test("no debt is written down instead of paid", () => {
  const words = /\b(TODO|FIXME|XXX|HACK)\b|\bas any\b(?! from)|@ts-(ignore|nocheck|expect-error)|\.only\(/;
  const debts = [...source].filter(([file, text]) => file !== "test/arch.test.ts" && words.test(text));
  expect(debts.map(([file]) => file)).toEqual([]);
});
