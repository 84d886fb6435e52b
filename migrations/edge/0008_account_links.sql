ALTER TABLE `api_key` ADD `strong` integer DEFAULT false NOT NULL;--> statement-breakpoint
ALTER TABLE `challenge` ADD `email` text;--> statement-breakpoint
CREATE INDEX `challenge_account` ON `challenge` (`account`);