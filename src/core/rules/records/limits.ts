/** How much of a domain's rule records is read: a name's whole answer is 64 KiB at most, and is read for each message. */
export const recordLimits = {
  /** TXT records at the name that are looked at. */
  all: 200,
  /** Of them, rule records. */
  records: 50,
  /** Characters of one record. */
  length: 4096,
  /** Items of all records together. */
  items: 500,
  /** Destinations of one alias: Forward Email's default. */
  destinations: 10,
} as const;
