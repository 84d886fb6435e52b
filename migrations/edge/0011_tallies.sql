CREATE TABLE `sender_tally` (
	`domain` text NOT NULL,
	`day` integer NOT NULL,
	`sender` text NOT NULL,
	`n` integer NOT NULL,
	PRIMARY KEY(`domain`, `day`, `sender`)
);
--> statement-breakpoint
CREATE TABLE `tally` (
	`domain` text NOT NULL,
	`day` integer NOT NULL,
	`outcome` text NOT NULL,
	`reason` text NOT NULL,
	`spf` text NOT NULL,
	`dkim` text NOT NULL,
	`dmarc` text NOT NULL,
	`junk` integer NOT NULL,
	`n` integer NOT NULL,
	PRIMARY KEY(`domain`, `day`, `outcome`, `reason`, `spf`, `dkim`, `dmarc`, `junk`)
);
--> statement-breakpoint
DROP INDEX `journal_domain_at`;--> statement-breakpoint
CREATE INDEX `journal_domain` ON `journal` (`domain`,`id`);--> statement-breakpoint
-- Several DKIM signatures: a passing one speaks for the message, else the first does.
CREATE TRIGGER `journal_written` AFTER INSERT ON `journal` WHEN new.domain <> '' BEGIN
  INSERT INTO tally (domain, day, outcome, reason, spf, dkim, dmarc, junk, n)
  VALUES (new.domain, new.at / 86400000, new.outcome, new.reason, coalesce(new.proof ->> '$.spf.result', 'not checked'),
    coalesce((select value ->> '$.result' from json_each(new.proof, '$.dkim') order by value ->> '$.result' = 'pass' desc, key limit 1),
      case when new.proof is null then 'not checked' else 'none' end),
    coalesce(new.proof ->> '$.dmarc.result', 'not checked'), coalesce(new.proof ->> '$.dmarc.disposition' = 'quarantine', 0), 1)
  ON CONFLICT DO UPDATE SET n = n + 1;
  INSERT INTO sender_tally (domain, day, sender, n) VALUES (new.domain, new.at / 86400000, lower(substr(new.author, instr(new.author, '@') + 1)), 1)
  ON CONFLICT DO UPDATE SET n = n + 1;
END;
--> statement-breakpoint
-- Storage trouble turned the promise into another outcome: what was counted moves.
CREATE TRIGGER `journal_corrected` AFTER UPDATE OF outcome, reason ON `journal` WHEN new.domain <> '' BEGIN
  INSERT INTO tally (domain, day, outcome, reason, spf, dkim, dmarc, junk, n)
  VALUES (old.domain, old.at / 86400000, old.outcome, old.reason, coalesce(old.proof ->> '$.spf.result', 'not checked'),
    coalesce((select value ->> '$.result' from json_each(old.proof, '$.dkim') order by value ->> '$.result' = 'pass' desc, key limit 1),
      case when old.proof is null then 'not checked' else 'none' end),
    coalesce(old.proof ->> '$.dmarc.result', 'not checked'), coalesce(old.proof ->> '$.dmarc.disposition' = 'quarantine', 0), -1)
  ON CONFLICT DO UPDATE SET n = n - 1;
  INSERT INTO tally (domain, day, outcome, reason, spf, dkim, dmarc, junk, n)
  VALUES (new.domain, new.at / 86400000, new.outcome, new.reason, coalesce(new.proof ->> '$.spf.result', 'not checked'),
    coalesce((select value ->> '$.result' from json_each(new.proof, '$.dkim') order by value ->> '$.result' = 'pass' desc, key limit 1),
      case when new.proof is null then 'not checked' else 'none' end),
    coalesce(new.proof ->> '$.dmarc.result', 'not checked'), coalesce(new.proof ->> '$.dmarc.disposition' = 'quarantine', 0), 1)
  ON CONFLICT DO UPDATE SET n = n + 1;
END;
--> statement-breakpoint
INSERT INTO tally (domain, day, outcome, reason, spf, dkim, dmarc, junk, n)
SELECT journal.domain, journal.at / 86400000, journal.outcome, journal.reason, coalesce(journal.proof ->> '$.spf.result', 'not checked'),
    coalesce((select value ->> '$.result' from json_each(journal.proof, '$.dkim') order by value ->> '$.result' = 'pass' desc, key limit 1),
      case when journal.proof is null then 'not checked' else 'none' end),
    coalesce(journal.proof ->> '$.dmarc.result', 'not checked'), coalesce(journal.proof ->> '$.dmarc.disposition' = 'quarantine', 0), count(*) FROM journal WHERE domain <> '' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8;
--> statement-breakpoint
INSERT INTO sender_tally (domain, day, sender, n)
SELECT domain, at / 86400000, lower(substr(journal.author, instr(journal.author, '@') + 1)), count(*) FROM journal WHERE domain <> '' GROUP BY 1, 2, 3;
