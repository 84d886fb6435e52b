ALTER TABLE `api_key` ADD `domains` text;--> statement-breakpoint
ALTER TABLE `idempotency` ADD `holder` text DEFAULT '' NOT NULL;--> statement-breakpoint
ALTER TABLE `idempotency` ADD `lease_until` integer DEFAULT 0 NOT NULL;