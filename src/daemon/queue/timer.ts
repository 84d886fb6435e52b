/** Runs once after `ms`; the answer takes it back. Tests bring one that goes by their clock. */
export type Timer = (run: () => void, ms: number) => () => void;

const day = 24 * 60 * 60 * 1000;

export const realTimer: Timer = (run, ms) => {
  // A delay above 2^31 ms would fire at once.
  const handle = setTimeout(run, Math.min(ms, day));
  return () => clearTimeout(handle);
};
