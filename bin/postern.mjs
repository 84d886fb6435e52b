#!/usr/bin/env node
// The one door in, free of dependencies and fit for Node 20: makes sure of a Node that runs the product, installs what the
// lockfile names, and goes on in `src/cli/main.ts` under that Node. Fetches from npm alone.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const wanted = "24.21.0";
const integrity = {
  "linux-x64": "sha512-3nULszZ5X0fciYpG0t6TrdApJzAn8+FlINP6OiMX7V8HrvpATPN936U1LlReOJriLRa4e8yEqQBYCnLyPNAs7Q==",
  "linux-arm64": "sha512-FpJRPEz2OvvTLfjIOlNGFY9JLPMKgl5m+d4oGYBLg24kJ1mmvN1Zl/HPJgF4HDaJ51ISev1l1cRZ/DM+keXW5g==",
  "win-x64": "sha512-0ddSuAi9KnmYzfjJwKfFUO5YfljMVfa9smiGRQXmp5QGhm8KXk7xbqkFNeaPXVaL6sfZ5oGfCD7q8wWY/TnypA==",
};

const node = ensureNode();
ensurePackages(node);
run(node, process.argv.slice(2));

/** This Node where it is new enough, else the pinned one from npm, kept in an ignored folder. */
function ensureNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major === 24 && minor >= 15) return process.execPath;
  const platform = `${process.platform === "win32" ? "win" : process.platform}-${process.arch}`;
  const sum = integrity[platform];
  if (!sum)
    fail(`Node ${wanted} is needed and npm has no build of it for ${platform}: please install Node 24 yourself.`);
  const home = join(root, ".node");
  const name = `node-${platform}`;
  const binary = join(home, "node_modules", name, "bin", process.platform === "win32" ? "node.exe" : "node");
  if (runs(binary)) return binary;
  note(`This machine has Node ${process.versions.node}; fetching Node ${wanted} from npm …`);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const dependencies = { [name]: wanted };
  const lock = {
    name: "postern-node",
    lockfileVersion: 3,
    requires: true,
    packages: {
      "": { name: "postern-node", dependencies },
      [`node_modules/${name}`]: { version: wanted, integrity: sum },
    },
  };
  writeFileSync(join(home, "package.json"), JSON.stringify({ name: "postern-node", private: true, dependencies }));
  writeFileSync(join(home, "package-lock.json"), JSON.stringify(lock));
  npm(process.execPath, ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], home);
  if (!runs(binary)) fail(`Node ${wanted} was fetched but does not run on this machine.`);
  return binary;
}

function runs(binary) {
  if (!existsSync(binary)) return false;
  const said = spawnSync(binary, ["--version"], { encoding: "utf8" });
  return said.status === 0 && said.stdout.trim() === `v${wanted}`;
}

/** `npm ci`, when the lockfile is not the one that was installed last. */
function ensurePackages(node) {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules", ".postern-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  note("Installing dependencies …");
  npm(node, ["ci", "--no-audit", "--no-fund", "--loglevel=error"], root);
  writeFileSync(stamp, lock);
}

function npm(node, args, cwd) {
  const script = npmScript();
  const env = {
    ...process.env,
    PATH: `${dirname(node)}${process.platform === "win32" ? ";" : ":"}${process.env.PATH ?? ""}`,
  };
  // What npm says goes to stderr: stdout is kept for `--json`.
  const stdio = ["ignore", 2, 2];
  const done = script
    ? spawnSync(node, [script, ...args], { cwd, env, stdio })
    : spawnSync("npm", args, { cwd, env, stdio, shell: process.platform === "win32" });
  if (done.status !== 0) fail(`npm ${args[0]} failed${done.error ? `: ${done.error.message}` : ""}.`);
}

/** npm's own script, so that it can run under the Node we chose. */
function npmScript() {
  const given = process.env.npm_execpath;
  if (given && /npm-cli\.(c|m)?js$/.test(given) && existsSync(given)) return given;
  return null;
}

function run(node, args) {
  const child = spawn(node, ["--disable-warning=ExperimentalWarning", join(root, "src", "cli", "main.ts"), ...args], {
    stdio: "inherit",
    env: {
      ...process.env,
      POSTERN_ROOT: root,
      PATH: `${dirname(node)}${process.platform === "win32" ? ";" : ":"}${process.env.PATH ?? ""}`,
    },
  });
  // A terminal's Ctrl-C reaches the child by itself; a signal sent to this process alone is passed on.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  // `npm start` puts a shell between: a signal to npm ends the two of them and never gets here. Their death is the signal.
  const parent = process.ppid;
  setInterval(() => process.ppid !== parent && child.kill("SIGTERM"), 500).unref();
  child.on("exit", (code, signal) => process.exit(signal ? 130 : (code ?? 1)));
}

function note(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text) {
  note(`postern: ${text}`);
  process.exit(1);
}
