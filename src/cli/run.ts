/** Running other programs: the project's root, its tools, and one way to spawn them that never leaves a child behind. */
import { spawn } from "node:child_process";
import { join, resolve } from "node:path";

export const root: string = resolve(import.meta.dirname, "..", "..");

/** A program that a dependency brings, by its name in `node_modules/.bin`. */
export function tool(name: string): string {
  return join(root, "node_modules", ".bin", name);
}

export type Ran = { code: number; output: string };

/** Runs to the end in the project's root, or until `signal` ends it. `show` passes output through; else it is collected. */
export function runTool(
  command: string,
  args: readonly string[],
  options: { show?: boolean; env?: NodeJS.ProcessEnv; signal?: AbortSignal } = {},
): Promise<Ran> {
  return new Promise((done) => {
    const child = spawn(command, args, {
      cwd: root,
      env: { ...process.env, ...options.env },
      stdio: ["ignore", options.show ? "inherit" : "pipe", options.show ? "inherit" : "pipe"],
      ...(options.signal && { signal: options.signal }),
    });
    let output = "";
    child.stdout?.on("data", (part: Buffer) => (output += part.toString()));
    child.stderr?.on("data", (part: Buffer) => (output += part.toString()));
    child.on("error", (error) => done({ code: 127, output: error.message }));
    child.on("close", (code) => done({ code: code ?? 1, output }));
  });
}

/** The command line is wrong: answered with this text, the usage and exit code 2. */
export class Mistake extends Error {
  override name = "Mistake";
}
