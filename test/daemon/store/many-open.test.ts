/** Many mailboxes open at once on one store thread. */
import { expect, test } from "vitest";
import { logIn, makeMailbox, storeFixture } from "./fixture.ts";

// Regression: with more mailboxes open than inboxes are kept open for, the newest one's inbox was closed under its login.
test("the 80th mailbox opens while all others stay open", async () => {
  const fixture = await storeFixture({ workers: 1 });
  try {
    for (let i = 0; i < 80; i++) {
      const mailbox = makeMailbox(`many${i}`, `many${i}@demo.test`);
      await fixture.store.applyMailbox(mailbox.record);
      const account = await logIn(fixture.store, mailbox);
      expect(account.address).toBe(`many${i}@demo.test`);
    }
  } finally {
    await fixture.end();
  }
});
