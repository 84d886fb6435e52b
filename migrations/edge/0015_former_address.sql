CREATE TABLE `former_address` (
	`id` text PRIMARY KEY NOT NULL,
	`account` text NOT NULL,
	`email` text NOT NULL,
	`hash` text NOT NULL,
	`changed_at` integer NOT NULL,
	FOREIGN KEY (`account`) REFERENCES `account`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `former_address_account` ON `former_address` (`account`);--> statement-breakpoint
CREATE INDEX `former_address_email` ON `former_address` (`email`);--> statement-breakpoint
CREATE INDEX `former_address_changed` ON `former_address` (`changed_at`);