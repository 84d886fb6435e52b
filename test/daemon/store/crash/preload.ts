// Loaded before everything else in each thread of the child: kills the process, without a last word, at the point asked for.
import { Database } from "../../../../src/daemon/sqlite/database.ts";
import { points } from "./points.ts";

const point = points.find(({ name }) => name === process.env["CRASH_AT"]);
let left = point?.count ?? 0;

const original = Database.prototype.run;
const reading = Database.prototype.all;
function watched<F extends (this: Database, text: string, ...values: never[]) => unknown>(run: F): F {
  return function (this: Database, text: string, ...values: never[]) {
    const here =
      point !== undefined && this.path.endsWith(point.file) && point.statement.test(text.trim()) && --left === 0;
    if (here && point.when === "before") process.kill(process.pid, "SIGKILL");
    const result = run.call(this, text, ...values);
    if (here) process.kill(process.pid, "SIGKILL");
    return result;
  } as F;
}
Database.prototype.run = watched(original);
Database.prototype.all = watched(reading as never) as never;
