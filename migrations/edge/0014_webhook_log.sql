DROP INDEX `webhook_delivery_endpoint`;--> statement-breakpoint
CREATE INDEX `webhook_delivery_log` ON `webhook_delivery` (`endpoint`,`id`);--> statement-breakpoint
CREATE INDEX `webhook_delivery_message` ON `webhook_delivery` (`endpoint`,`message`,`attempt`);