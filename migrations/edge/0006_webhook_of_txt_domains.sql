PRAGMA defer_foreign_keys=ON;--> statement-breakpoint
CREATE TABLE `__new_webhook_endpoint` (
	`id` text PRIMARY KEY NOT NULL,
	`domain` text NOT NULL,
	`url` text NOT NULL,
	`scheme` text NOT NULL,
	`secrets` text NOT NULL,
	`state` text DEFAULT 'active' NOT NULL,
	`failing_since` integer,
	`disabled_at` integer,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
INSERT INTO `__new_webhook_endpoint`("id", "domain", "url", "scheme", "secrets", "state", "failing_since", "disabled_at", "created_at") SELECT "id", "domain", "url", "scheme", "secrets", "state", "failing_since", "disabled_at", "created_at" FROM `webhook_endpoint`;--> statement-breakpoint
DROP TABLE `webhook_endpoint`;--> statement-breakpoint
ALTER TABLE `__new_webhook_endpoint` RENAME TO `webhook_endpoint`;--> statement-breakpoint
PRAGMA defer_foreign_keys=OFF;--> statement-breakpoint
CREATE UNIQUE INDEX `webhook_endpoint_url` ON `webhook_endpoint` (`domain`,`url`);