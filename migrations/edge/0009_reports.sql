CREATE TABLE `report` (
	`id` text PRIMARY KEY NOT NULL,
	`domain` text NOT NULL,
	`kind` text NOT NULL,
	`org` text NOT NULL,
	`external_id` text NOT NULL,
	`begins` integer NOT NULL,
	`ends` integer NOT NULL,
	`good` integer NOT NULL,
	`bad` integer NOT NULL,
	`lines` text NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`domain`) REFERENCES `domain`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `report_once` ON `report` (`domain`,`kind`,`org`,`external_id`);--> statement-breakpoint
CREATE INDEX `report_domain_ends` ON `report` (`domain`,`ends`);