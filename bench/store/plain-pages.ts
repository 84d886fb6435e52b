/**
 * Preloaded into the process that measures the same schema without a page cipher: keys are taken and ignored, and the store's look at
 * the head of a file, which refuses one in clear, sees none.
 */
/// <reference path="../../src/daemon/sqlite/native.d.ts" />
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import Sqlite from "better-sqlite3";

const pragma = Sqlite.prototype.pragma;
Sqlite.prototype.key = () => 0;
Sqlite.prototype.pragma = function (text, options) {
  return text.startsWith("cipher=") ? 0 : pragma.call(this, text, options);
};

const { readSync } = fs;
fs.readSync = ((file: number, buffer: Buffer, ...rest: [number, number, number]) => {
  const read = readSync(file, buffer, ...rest);
  if (buffer.length === 16) buffer.fill(0);
  return read;
}) as typeof readSync;
syncBuiltinESMExports();
