// Preloaded into the process that measures the same schema without a page cipher: keys are taken and ignored.
/// <reference path="../../src/daemon/sqlite/native.d.ts" />
import Sqlite from "better-sqlite3";

const pragma = Sqlite.prototype.pragma;
Sqlite.prototype.key = () => 0;
Sqlite.prototype.pragma = function (text, options) {
  return text.startsWith("cipher=") ? 0 : pragma.call(this, text, options);
};
