/** Every command's row; the look-up by name and form. */
import type { Command } from "../command.ts";
import * as any from "./any.ts";
import { append } from "./append.ts";
import * as copying from "./copy.ts";
import * as enabling from "./enable.ts";
import { fetch } from "./fetch.ts";
import * as folders from "./folders.ts";
import { idle } from "./idle.ts";
import * as listing from "./list.ts";
import * as login from "./login.ts";
import * as metadata from "./metadata.ts";
import { multisearch } from "./multisearch.ts";
import { notify } from "./notify.ts";
import * as quota from "./quota.ts";
import { replace } from "./replace.ts";
import { search } from "./search.ts";
import * as selecting from "./select.ts";
import * as sorting from "./sort.ts";
import { store } from "./store.ts";

export const allCommands: readonly Command[] = [
  any.capability,
  any.noop,
  any.check,
  any.logout,
  any.id,
  login.startTls,
  login.login,
  login.authenticate,
  login.unauthenticate,
  enabling.enable,
  enabling.compress,
  selecting.select,
  selecting.examine,
  selecting.close,
  selecting.unselect,
  folders.create,
  folders.remove,
  folders.rename,
  folders.subscribe,
  folders.unsubscribe,
  folders.namespace,
  listing.list,
  listing.lsub,
  listing.status,
  append,
  replace,
  fetch,
  store,
  search,
  sorting.sort,
  sorting.thread,
  copying.copy,
  copying.move,
  copying.expunge,
  idle,
  quota.getQuota,
  quota.getQuotaRoot,
  quota.setQuota,
  metadata.getMetadata,
  metadata.setMetadata,
  multisearch,
  notify,
];

const plain = new Map(allCommands.filter(({ uid }) => uid !== "only").map((row) => [row.name, row]));
const byUid = new Map(allCommands.filter(({ uid }) => uid).map((row) => [row.name, row]));

export function findCommand(name: string, uid: boolean): Command | null {
  return (uid ? byUid : plain).get(name) ?? null;
}
