/**
 * Every bound on input, with its reason, in one file. A bound is part of a promise (FEATURES R3): whoever changes one
 * changes what a sender is told.
 */
const KiB = 1024;
const MiB = 1024 * KiB;

export const limits = {
  /** Cloudflare's MX stops at 25 MiB, so our own door does too (R3): 552 above. */
  messageBytes: 25 * MiB,
  /** Recipients of one SMTP transaction at the door (R3): 452 above. RFC 5321 §4.5.3.1.8 asks for at least 100 of relays; a final MX may say "too many" and is retried. */
  recipients: 50,
  /** One SMTP command line, CRLF included: RFC 5321 §4.5.3.1.4 says 512, SMTPUTF8 and long SRS addresses want room. 500 above. */
  smtpCommandBytes: 2048,
  /** One line of a message at the door: §4.5.3.1.6 says 1,000, honest newsletters break that by a long way. 554 above. */
  smtpLineBytes: 64 * KiB,
  /** `Received` fields before a message counts as looping (RFC 5321 §6.3): 554. */
  received: 25,
  /** Header fields read; real mail stays under 200, hostile mail has 100,000. */
  headerFields: 2000,
  /** Bytes of one header field, folding included. */
  headerFieldBytes: 256 * KiB,
  /** Bytes of the whole header. */
  headerBytes: 2 * MiB,
  /** Our own forwarding marks on one message: an alias that multiplies into itself ends here, whatever it is called each time. */
  forwards: 3,
  /** Nesting of multipart and message/rfc822. */
  mimeDepth: 50,
  /** MIME parts of one message. */
  mimeParts: 5000,
  /** Destinations that one received message may fan out to. */
  fanOut: 25,
  /** Wildcard and regular-expression aliases of one domain: each message is held against all of them. */
  patternAliases: 300,
  /** A JSON body of a call between the halves. */
  callBytes: 1 * MiB,
  /** Clock difference tolerated in a signed call, seconds (Standard Webhooks: five minutes). */
  callSkewSeconds: 300,
  /** What one message may cost while its origin is proved; past a bound the verdict says so and is never a pass. */
  proof: {
    /** Header fields looked at: hostile mail has 100,000, and a signature among them may still be good. */
    headerFields: 200_000,
    /** DKIM-Signature fields verified, from the top; honest mail has one to four. */
    signatures: 20,
    /** RFC 8617 §4.2.1. */
    arcInstances: 50,
    /** Bytes of all ARC fields together: each seal signs all those before it, so the work grows with the square. */
    arcBytes: 512 * KiB,
    /** Bytes of a From field that are read. */
    fromBytes: 64 * KiB,
    /** Bytes of the reverse-path and of HELO: SPF macros multiply them. RFC 5321 §4.5.3.1 allows 256 and 255. */
    pathBytes: 1024,
    /** Field names in one h= list. */
    signedFields: 1000,
    /** Bytes of one signature or seal field. */
    signatureBytes: 32 * KiB,
    /** Records under one DKIM key name that are tried (RFC 6376 §6.1.2: undefined, so a few). */
    keyRecords: 3,
    /** RSA modulus bits verified (RFC 8301 §3.2 asks for 1024 to 4096, larger is our choice). */
    rsaBits: 8192,
    /** DNS questions asked for one message, whatever asks them. */
    dnsQueries: 250,
    /** Bytes of one TXT record: what RFC 1035's RDATA length can say. */
    txtBytes: 65_535,
    /** TXT records read at one name. */
    txtRecords: 100,
    /** Addresses read out of one From field. */
    addresses: 1000,
    /** Domains whose organisational domain is looked up for alignment. */
    alignmentWalks: 12,
  },
} as const;
