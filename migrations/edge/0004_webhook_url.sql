DROP INDEX `webhook_endpoint_domain`;--> statement-breakpoint
CREATE UNIQUE INDEX `webhook_endpoint_url` ON `webhook_endpoint` (`domain`,`url`);