/** IDLE. RFC 9051 §6.3.13: what other sessions and deliveries change is told at once, until DONE. */
import { Bad, ok } from "../answers.ts";
import { command, type State } from "../command.ts";
import { answerLine } from "../wire/reader.ts";

const MOST_LINE = 1024;

export const idle = command({
  name: "IDLE",
  in: "authenticated",
  capability: ["IDLE"],
  parse: () => null,
  async *run(s) {
    const { session } = s;
    yield "+ idling\r\n";
    tell(s);
    const stop = session.listen(() => tell(s));
    session.isWaiting = true;
    try {
      const line = await answerLine(session.channel, MOST_LINE);
      if (line.toString("latin1").toUpperCase() !== "DONE") throw new Bad("Expected DONE");
      return ok();
    } finally {
      session.isWaiting = false;
      stop();
    }
  },
});

function tell(s: State): void {
  if (s.at !== "selected") return;
  const { channel } = s.session;
  channel.write(s.view.tell(true));
}
