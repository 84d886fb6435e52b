/** Which automatic answer a message gets, if any: that of the alias that matched, unless something stands against it. */
import type { Proof } from "../src/core/proof/types.ts";
import type { Route } from "../src/core/rules/route.ts";
import { obstacleTo, type Vacation } from "../src/core/rules/vacation.ts";
import type { LookedUp } from "./directory/routes.ts";
import type { Message } from "./message.ts";

/** `message` null: there is none yet, as in a question about an address. */
export type Occasion = { message: Message | null; mailFrom: string; proof: Proof | null; now: number };

export function vacationFor(found: LookedUp, route: Route, occasion: Occasion): Vacation | null {
  if (found.domain === null || route.match?.by !== "alias") return null;
  const { alias } = route.match;
  const vacation = found.vacations.find((one) => one.alias === alias) ?? null;
  if (vacation === null || occasion.message === null) return null;
  const { mailFrom, proof, now, message } = occasion;
  const stands = obstacleTo(vacation, { header: message.header, recipient: found.address, mailFrom, proof, now });
  return stands === null ? vacation : null;
}
