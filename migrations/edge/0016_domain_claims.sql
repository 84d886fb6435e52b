DROP INDEX `domain_name`;--> statement-breakpoint
CREATE UNIQUE INDEX `domain_proven` ON `domain` (`name`) WHERE state <> 'pending';--> statement-breakpoint
CREATE INDEX `domain_by_name` ON `domain` (`name`);