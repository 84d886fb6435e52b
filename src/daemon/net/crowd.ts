/** Who is connected: bounds per address and per mailbox, and everybody's end at shutdown. */
import { isLoopback, originOf } from "./origin.ts";

export type CrowdLimits = {
  connections: number;
  perAddress: number;
  perMailbox: number;
  /** Bytes that the sessions of a mailbox may hold together while they come in. */
  heldPerMailbox: number;
};

export const crowdDefaults: CrowdLimits = {
  connections: 10_000,
  perAddress: 200,
  perMailbox: 100,
  heldPerMailbox: 256 * 1024 * 1024,
};

export interface Member {
  /** Finishes the command in hand, says good-bye, closes; resolves when it is over. */
  leave(): Promise<void>;
}

export class Crowd {
  readonly #limits: CrowdLimits;
  readonly #members = new Set<Member>();
  readonly #counts = new Map<string, number>();

  constructor(limits: Partial<CrowdLimits> = {}) {
    this.#limits = { ...crowdDefaults, ...limits };
  }

  get size(): number {
    return this.#members.size;
  }

  isFull(ip: string): boolean {
    if (this.#members.size >= this.#limits.connections) return true;
    return !isLoopback(ip) && this.#count(originOf(ip)) >= this.#limits.perAddress;
  }

  join(member: Member, ip: string): void {
    this.#members.add(member);
    this.#add(originOf(ip), 1);
  }

  part(member: Member, ip: string): void {
    if (this.#members.delete(member)) this.#add(originOf(ip), -1);
  }

  /** False, and nothing is counted, when the mailbox has its fill of sessions. */
  enter(mailbox: string, ip: string): boolean {
    const isFull = this.#count(`mailbox ${mailbox}`) >= this.#limits.perMailbox;
    if (isFull && !isLoopback(ip)) return false;
    this.#add(`mailbox ${mailbox}`, 1);
    return true;
  }

  exit(mailbox: string): void {
    this.#add(`mailbox ${mailbox}`, -1);
  }

  /** False, and nothing is counted, when that would be too much. */
  hold(mailbox: string, bytes: number): boolean {
    if (this.#count(`held ${mailbox}`) + bytes > this.#limits.heldPerMailbox) return false;
    this.#add(`held ${mailbox}`, bytes);
    return true;
  }

  letGo(mailbox: string, bytes: number): void {
    this.#add(`held ${mailbox}`, -bytes);
  }

  async dismiss(): Promise<void> {
    await Promise.allSettled([...this.#members].map((member) => member.leave()));
  }

  #count(key: string): number {
    return this.#counts.get(key) ?? 0;
  }

  #add(key: string, n: number): void {
    const count = this.#count(key) + n;
    if (count > 0) this.#counts.set(key, count);
    else this.#counts.delete(key);
  }
}
