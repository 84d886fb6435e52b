/** A peer program that answers one JSON line for each JSON line it is given. */
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export class Leash {
  private readonly child: ChildProcess;
  private readonly waiting: ((line: string) => void)[] = [];

  constructor(command: string, args: string[]) {
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
    if (this.child.stdout === null) throw new Error("no output");
    createInterface({ input: this.child.stdout }).on("line", (line) => this.waiting.shift()?.(line));
    this.child.on("exit", () => {
      for (const answer of this.waiting.splice(0)) answer('{"error":"the peer is gone"}');
    });
  }

  ask<T>(request: object): Promise<T> {
    return new Promise((resolve) => {
      this.waiting.push((line) => resolve(JSON.parse(line) as T));
      this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    });
  }

  close(): Promise<void> {
    return new Promise((resolve) => {
      this.child.on("close", () => resolve());
      this.child.stdin?.end();
    });
  }
}
