PRAGMA foreign_keys=OFF;--> statement-breakpoint
CREATE TABLE `__new_audit` (
	`id` text PRIMARY KEY NOT NULL,
	`domain` text,
	`chain` text NOT NULL,
	`seq` integer NOT NULL,
	`actor` text NOT NULL,
	`at` integer NOT NULL,
	`act` text NOT NULL,
	`subject` text NOT NULL,
	`detail` text NOT NULL,
	`previous` text NOT NULL,
	`hash` text NOT NULL
);
--> statement-breakpoint
DROP TABLE `audit`;--> statement-breakpoint
ALTER TABLE `__new_audit` RENAME TO `audit`;--> statement-breakpoint
PRAGMA foreign_keys=ON;--> statement-breakpoint
CREATE UNIQUE INDEX `audit_chain_seq` ON `audit` (`chain`,`seq`);--> statement-breakpoint
ALTER TABLE `account` ADD `email_verified_at` integer;--> statement-breakpoint
ALTER TABLE `session` ADD `strong` integer DEFAULT false NOT NULL;