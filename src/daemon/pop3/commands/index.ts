/** Every POP3 command's row. */
import type { Command } from "../command.ts";
import * as login from "./login.ts";
import * as transaction from "./transaction.ts";

export const allCommands: readonly Command[] = [...Object.values(login), ...Object.values(transaction)];

const byName = new Map(allCommands.map((row) => [row.name, row]));

export function findCommand(name: string): Command | null {
  return byName.get(name) ?? null;
}
