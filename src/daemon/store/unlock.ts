/**
 * Opening a mailbox with its master key: the keys derived and told apart from forged ones, the two files opened, an older file found
 * out (read-only, with an alarm) or welcomed where an operator restored it. What is no longer needed of the keys is wiped.
 */
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { hex } from "../../core/bytes.ts";
import type { PreviousKey } from "../../core/contract/mailbox.ts";
import { deriveKeys, type MailboxKeys } from "../../core/seal/keys.ts";
import { type Opener, openerOf } from "../../core/seal/open.ts";
import { nativePrimitives } from "../platform.ts";
import type { Database } from "../sqlite/database.ts";
import type { Rests } from "../sqlite/rests.ts";
import { Damaged, named } from "../sqlite/trouble.ts";
import { isPurgeLeft } from "./changing.ts";
import { hasOlder } from "./describe.ts";
import { makeFirstFolders } from "./folders.ts";
import { Guarded } from "./guarded.ts";
import { type Hooks, Mailbox } from "./mailbox.ts";
import { folderOf, madeFolder } from "./place.ts";
import { Refusal } from "./refusal.ts";
import { afterRestore, generationOf, isMarkedRestored, unmarkRestored } from "./restore.ts";
import { formerKeys, openMail, wipeKeys } from "./rotate.ts";
import { removeIndex, TextIndex } from "./search/index.ts";
import { Indexer } from "./search/indexer.ts";
import { mended, standIn } from "./stand-in.ts";
import type { Announced } from "./types.ts";

/** What a thread tells the outside beside answers. */
export type News =
  | { kind: "changes"; mailbox: string; changes: Announced[] }
  | { kind: "state"; mailbox: string; generation: number; usedBytes: number; highestModseq: number; waiting: number }
  /** The owner's master key derives this public key. */
  | { kind: "proven"; mailbox: string; keyId: string }
  | { kind: "alarm"; mailbox: string; what: string };

export type OpenFacts = {
  mailbox: string;
  keyId: string;
  quotaBytes: number;
  /** The mirrors: an older file is not to be trusted. */
  generation: number;
  highestModseq: number;
  /** Former master keys, wrapped. */
  previous: readonly PreviousKey[];
  /** The key that an owner's login proved last. */
  pinnedKeyId: string;
};

export type Unlocked = {
  mailbox: Mailbox;
  /** The mailbox's own, and those of its former keys. */
  openers: Opener[];
  masterKey: Guarded;
  indexer: Indexer;
  leftover: Leftover;
};

/** Where the last run ended before it got to them: bodies that nothing shows any more, messages described by an older version. */
type Leftover = { purge: boolean; describe: boolean };
const nothing: Leftover = { purge: false, describe: false };
type Settled = { mailbox: Mailbox; leftover: Leftover };

export type UnlockerDeps = Pick<Hooks, "soon" | "committed"> & {
  tell(news: News): void;
  workload(): number;
  /** Soon. */
  lock(mailbox: string): void;
  rests: Rests;
};

export class Unlocker {
  readonly #place: { dir: string; nodeKey: Uint8Array };
  readonly #deps: UnlockerDeps;

  constructor(place: { dir: string; nodeKey: Uint8Array }, deps: UnlockerDeps) {
    this.#place = place;
    this.#deps = deps;
  }

  /** Takes the master key over and zeroes it. */
  unlock(facts: OpenFacts, masterKey: Uint8Array): Unlocked {
    const keys = deriveKeys(masterKey, nativePrimitives);
    const former = formerKeys(masterKey, facts.mailbox, facts.previous);
    const guarded = new Guarded(masterKey);
    try {
      const openers = [keys, ...former].map(({ sealSeed }) => openerOf(sealSeed, nativePrimitives));
      const proven = this.#isProven(facts, openers);
      const { mailbox, leftover } = this.#openMailbox(facts, keys, former);
      if (proven) this.#deps.tell({ kind: "proven", mailbox: facts.mailbox, keyId: facts.keyId });
      const indexer = this.#openIndex(mailbox, keys.indexKey);
      this.#letRest(mailbox, indexer.index, guarded);
      return { mailbox, openers, masterKey: guarded, indexer, leftover };
    } catch (cause) {
      guarded.wipe();
      throw cause;
    } finally {
      for (const some of [keys, ...former]) wipeKeys(some);
    }
  }

  /** Both files may be closed while nobody uses them: their keys come from the guarded master key again. */
  #letRest(mailbox: Mailbox, index: TextIndex, masterKey: Guarded): void {
    const { rests } = this.#deps;
    const key = (name: "mailKey" | "indexKey") => (): Buffer =>
      masterKey.use((secret) => {
        const keys = deriveKeys(secret, nativePrimitives);
        const key = Buffer.from(keys[name]);
        wipeKeys(keys);
        return key;
      });
    if (!mailbox.isMended) rests.keep(mailbox.db, { key: key("mailKey"), woken: () => this.#mustBeAsItWas(mailbox) });
    index.restIn(rests, key("indexKey"));
  }

  /** The one that was put to rest, not an older one in its place: that is for the next login to find out and open read-only. */
  #mustBeAsItWas({ id, db, generation }: Mailbox): void {
    if (generationOf(db) === generation) return;
    this.#alarm(id, "the mailbox file was exchanged while nobody used it");
    this.#deps.lock(id);
    throw new Refusal("UNAVAILABLE", "The mailbox can't be opened");
  }

  /** The edge can't slip in a key of its own: what MK derives must be what the record names. */
  #isProven({ mailbox, keyId, pinnedKeyId }: OpenFacts, openers: readonly Opener[]): boolean {
    const known = openers.map((opener) => hex(opener.keyId));
    if (known[0] !== keyId) {
      this.#alarm(mailbox, "the record's public key is not this mailbox's");
      return false;
    }
    // A rotation that its owner made hands the key down; anybody can name one that they never had.
    if (!known.includes(pinnedKeyId)) this.#alarm(mailbox, "the key was changed by somebody without the old one");
    return true;
  }

  #openIndex(mailbox: Mailbox, key: Uint8Array): Indexer {
    const path = join(this.#folder(mailbox.id), "index.db");
    const index = TextIndex.open(path, () => Buffer.from(key));
    mailbox.mayHold = (text) => index.mayHold(text);
    const indexer = new Indexer(mailbox, index, this.#deps.workload);
    if (this.#unlessDamaged(mailbox, () => index.isBehind(mailbox), false)) indexer.wake();
    return indexer;
  }

  #openMailbox(facts: OpenFacts, keys: MailboxKeys, former: readonly MailboxKeys[]): Settled {
    const path = join(madeFolder(this.#place.dir, facts.mailbox), "mail.db");
    // A copy from before the first login has no such file.
    if (facts.generation > 0 && sizeOf(path) === 0 && !this.#isRestored(facts.mailbox)) {
      this.#alarm(facts.mailbox, "the mailbox file is missing");
      throw new Refusal("UNAVAILABLE", "The mailbox can't be opened");
    }
    const { db, rotated } = openMail(path, keys, former);
    if (rotated) removeIndex(join(dirname(path), "index.db"));
    try {
      return this.#settle(db, facts, Uint8Array.from(keys.bodyMac));
    } catch (cause) {
      db.close();
      throw named(path, cause);
    }
  }

  #settle(db: Database, facts: OpenFacts, bodyMac: Uint8Array): Settled {
    try {
      return this.#settleWhole(db, facts, bodyMac);
    } catch (cause) {
      if (!(named(db.path, cause) instanceof Damaged)) throw cause;
      const { mailbox: id, quotaBytes, generation } = facts;
      const damaged = standIn(db, { generation, now: Date.now() });
      if (damaged.length === 0) throw cause;
      this.#alarm(id, mended(damaged));
      const mailbox = new Mailbox({ id, bodyMac, quotaBytes, readOnly: true, isMended: true }, db, this.#hooks);
      return { mailbox, leftover: nothing };
    }
  }

  get #hooks(): Hooks {
    const { soon, committed } = this.#deps;
    return { now: Date.now, soon, committed };
  }

  #settleWhole(db: Database, facts: OpenFacts, bodyMac: Uint8Array): Settled {
    const restored = this.#isRestored(facts.mailbox);
    const behind = !restored && generationOf(db) < facts.generation;
    if (behind) this.#alarm(facts.mailbox, "the mailbox file is older than it was");
    const about = { id: facts.mailbox, bodyMac, quotaBytes: facts.quotaBytes, readOnly: behind };
    const open = () => new Mailbox(about, db, this.#hooks);
    if (generationOf(db) === 0 && !behind) open().writeNow(makeFirstFolders);
    if (restored) this.#recover(db, facts);
    const mailbox = open();
    const leftover = () => ({ purge: isPurgeLeft(db), describe: hasOlder(mailbox) });
    return { mailbox, leftover: behind ? nothing : this.#unlessDamaged(mailbox, leftover, nothing) };
  }

  /** A bad page where this is looked up keeps nobody from their mail. */
  #unlessDamaged<T>({ id, db }: Mailbox, look: () => T, otherwise: T): T {
    try {
      return look();
    } catch (cause) {
      const trouble = named(db.path, cause);
      if (!(trouble instanceof Damaged)) throw cause;
      this.#alarm(id, trouble.message);
      return otherwise;
    }
  }

  /** An older file is welcome where an operator restored it: clients then learn that they must look at everything anew. */
  #recover(db: Database, { mailbox, generation, highestModseq }: OpenFacts): void {
    const folder = this.#folder(mailbox);
    // Message ids start again where the restored file ends: the index may know others by them.
    removeIndex(join(folder, "index.db"));
    afterRestore(db, { generation, highestModseq, now: Date.now() });
    unmarkRestored(folder);
    this.#alarm(mailbox, "a restored mailbox file was opened: new UIDVALIDITYs");
  }

  #isRestored(mailbox: string): boolean {
    return isMarkedRestored(this.#folder(mailbox), mailbox, this.#place.nodeKey);
  }

  #alarm(mailbox: string, what: string): void {
    this.#deps.tell({ kind: "alarm", mailbox, what });
  }

  #folder(id: string): string {
    return folderOf(this.#place.dir, id);
  }
}

/** Zero also where there is none: SQLite would make an empty mailbox of either. */
function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
