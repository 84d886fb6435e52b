CREATE INDEX `session_expires` ON `session` (`expires_at`);--> statement-breakpoint
CREATE INDEX `sender_tally_day` ON `sender_tally` (`day`);--> statement-breakpoint
CREATE INDEX `tally_day` ON `tally` (`day`);