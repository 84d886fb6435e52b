CREATE TABLE `account` (
	`id` text PRIMARY KEY NOT NULL,
	`email` text NOT NULL,
	`password` text NOT NULL,
	`name` text DEFAULT '' NOT NULL,
	`state` text DEFAULT 'active' NOT NULL,
	`operator` integer DEFAULT false NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `account_email` ON `account` (`email`);--> statement-breakpoint
CREATE TABLE `alias` (
	`id` text PRIMARY KEY NOT NULL,
	`domain` text NOT NULL,
	`kind` text NOT NULL,
	`pattern` text NOT NULL,
	`state` text DEFAULT 'active' NOT NULL,
	`disabled_reply` integer DEFAULT 550 NOT NULL,
	`note` text DEFAULT '' NOT NULL,
	`labels` text DEFAULT '[]' NOT NULL,
	`created_at` integer NOT NULL,
	`updated_at` integer NOT NULL,
	FOREIGN KEY (`domain`) REFERENCES `domain`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `alias_pattern` ON `alias` (`domain`,`kind`,`pattern`);--> statement-breakpoint
CREATE TABLE `audit` (
	`id` text PRIMARY KEY NOT NULL,
	`domain` text,
	`actor` text NOT NULL,
	`at` integer NOT NULL,
	`act` text NOT NULL,
	`subject` text NOT NULL,
	`detail` text,
	`previous` text NOT NULL,
	`hash` text NOT NULL
);
--> statement-breakpoint
CREATE INDEX `audit_domain_at` ON `audit` (`domain`,`at`);--> statement-breakpoint
CREATE TABLE `destination` (
	`id` text PRIMARY KEY NOT NULL,
	`alias` text NOT NULL,
	`kind` text NOT NULL,
	`target` text NOT NULL,
	`route` text,
	`position` integer DEFAULT 0 NOT NULL,
	`failures` integer DEFAULT 0 NOT NULL,
	`paused_at` integer,
	`trouble` text DEFAULT '' NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`alias`) REFERENCES `alias`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `destination_alias` ON `destination` (`alias`);--> statement-breakpoint
CREATE INDEX `destination_target` ON `destination` (`target`);--> statement-breakpoint
CREATE TABLE `domain` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`token` text NOT NULL,
	`state` text NOT NULL,
	`node` text,
	`txt_rules` integer DEFAULT false NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `domain_name` ON `domain` (`name`);--> statement-breakpoint
CREATE INDEX `domain_node` ON `domain` (`node`);--> statement-breakpoint
CREATE TABLE `journal` (
	`id` text PRIMARY KEY NOT NULL,
	`domain` text NOT NULL,
	`at` integer NOT NULL,
	`entrance` text NOT NULL,
	`asserted_by` text,
	`ip` text,
	`helo` text,
	`mail_from` text NOT NULL,
	`recipient` text NOT NULL,
	`author` text NOT NULL,
	`size` integer NOT NULL,
	`proof` text,
	`cloudflare` text,
	`alias` text,
	`outcome` text NOT NULL,
	`reason` text NOT NULL,
	`reply` text NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `journal_domain_at` ON `journal` (`domain`,`at`);--> statement-breakpoint
CREATE INDEX `journal_expires` ON `journal` (`expires_at`);--> statement-breakpoint
CREATE TABLE `journal_step` (
	`id` text PRIMARY KEY NOT NULL,
	`journal` text NOT NULL,
	`at` integer NOT NULL,
	`kind` text NOT NULL,
	`target` text NOT NULL,
	`ok` integer NOT NULL,
	`detail` text DEFAULT '' NOT NULL,
	FOREIGN KEY (`journal`) REFERENCES `journal`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `journal_step_journal` ON `journal_step` (`journal`);--> statement-breakpoint
CREATE TABLE `keyslot` (
	`id` text PRIMARY KEY NOT NULL,
	`mailbox` text NOT NULL,
	`kind` text NOT NULL,
	`selector` text NOT NULL,
	`label` text NOT NULL,
	`slot` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_used_at` integer,
	`revoked_at` integer,
	FOREIGN KEY (`mailbox`) REFERENCES `mailbox`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE UNIQUE INDEX `keyslot_selector` ON `keyslot` (`mailbox`,`selector`);--> statement-breakpoint
CREATE TABLE `mailbox` (
	`id` text PRIMARY KEY NOT NULL,
	`domain` text NOT NULL,
	`address` text NOT NULL,
	`node` text NOT NULL,
	`epoch` integer DEFAULT 0 NOT NULL,
	`revision` integer DEFAULT 1 NOT NULL,
	`public_key` text NOT NULL,
	`key_id` text NOT NULL,
	`quota_bytes` integer NOT NULL,
	`used_bytes` integer DEFAULT 0 NOT NULL,
	`waiting` integer DEFAULT 0 NOT NULL,
	`state` text DEFAULT 'active' NOT NULL,
	`applied_revision` integer DEFAULT 0 NOT NULL,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`domain`) REFERENCES `domain`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`node`) REFERENCES `node`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `mailbox_address` ON `mailbox` (`address`);--> statement-breakpoint
CREATE INDEX `mailbox_node` ON `mailbox` (`node`);--> statement-breakpoint
CREATE TABLE `membership` (
	`account` text NOT NULL,
	`domain` text NOT NULL,
	`role` text NOT NULL,
	`created_at` integer NOT NULL,
	PRIMARY KEY(`account`, `domain`),
	FOREIGN KEY (`account`) REFERENCES `account`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`domain`) REFERENCES `domain`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `membership_domain` ON `membership` (`domain`);--> statement-breakpoint
CREATE TABLE `node` (
	`id` text PRIMARY KEY NOT NULL,
	`name` text NOT NULL,
	`origin` text NOT NULL,
	`mx_host` text NOT NULL,
	`public_key` text NOT NULL,
	`transit_key` text,
	`transit_key_id` text,
	`state` text NOT NULL,
	`last_seen_at` integer,
	`unreachable_since` integer,
	`redriven_at` integer,
	`facts` text,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `seen` (
	`key` text PRIMARY KEY NOT NULL,
	`journal` text NOT NULL,
	`reply` text NOT NULL,
	`expires_at` integer NOT NULL
);
--> statement-breakpoint
CREATE INDEX `seen_expires` ON `seen` (`expires_at`);--> statement-breakpoint
CREATE TABLE `sender_rule` (
	`id` text PRIMARY KEY NOT NULL,
	`scope` text NOT NULL,
	`act` text NOT NULL,
	`match` text NOT NULL,
	`value` text NOT NULL,
	`answer` text DEFAULT 'reject' NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX `sender_rule_value` ON `sender_rule` (`scope`,`match`,`value`);--> statement-breakpoint
CREATE TABLE `session` (
	`id` text PRIMARY KEY NOT NULL,
	`account` text NOT NULL,
	`created_at` integer NOT NULL,
	`last_seen_at` integer NOT NULL,
	`expires_at` integer NOT NULL,
	`agent` text NOT NULL,
	FOREIGN KEY (`account`) REFERENCES `account`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `session_account` ON `session` (`account`);--> statement-breakpoint
CREATE TABLE `setting` (
	`key` text PRIMARY KEY NOT NULL,
	`value` text NOT NULL
);
--> statement-breakpoint
CREATE TABLE `suppression` (
	`address` text PRIMARY KEY NOT NULL,
	`reason` text NOT NULL,
	`created_at` integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE `txt_destination` (
	`domain` text NOT NULL,
	`address` text NOT NULL,
	`token` text NOT NULL,
	`sent_at` integer NOT NULL,
	`verified_at` integer,
	`refused_at` integer,
	PRIMARY KEY(`domain`, `address`)
);
--> statement-breakpoint
CREATE INDEX `txt_destination_token` ON `txt_destination` (`token`);--> statement-breakpoint
CREATE TABLE `txt_use` (
	`domain` text NOT NULL,
	`day` text NOT NULL,
	`messages` integer DEFAULT 0 NOT NULL,
	`verifications` integer DEFAULT 0 NOT NULL,
	PRIMARY KEY(`domain`, `day`)
);
--> statement-breakpoint
CREATE TABLE `vacation` (
	`alias` text PRIMARY KEY NOT NULL,
	`subject` text NOT NULL,
	`text` text NOT NULL,
	`starts_at` integer,
	`ends_at` integer,
	`every_days` integer DEFAULT 7 NOT NULL,
	`enabled` integer DEFAULT true NOT NULL,
	FOREIGN KEY (`alias`) REFERENCES `alias`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE TABLE `vacation_sent` (
	`alias` text NOT NULL,
	`sender` text NOT NULL,
	`expires_at` integer NOT NULL,
	PRIMARY KEY(`alias`, `sender`),
	FOREIGN KEY (`alias`) REFERENCES `alias`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `vacation_sent_expires` ON `vacation_sent` (`expires_at`);--> statement-breakpoint
CREATE TABLE `verified_address` (
	`account` text NOT NULL,
	`address` text NOT NULL,
	`token` text NOT NULL,
	`sent_at` integer NOT NULL,
	`verified_at` integer,
	`refused_at` integer,
	`cloudflare` integer DEFAULT false NOT NULL,
	PRIMARY KEY(`account`, `address`),
	FOREIGN KEY (`account`) REFERENCES `account`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `verified_token` ON `verified_address` (`token`);--> statement-breakpoint
CREATE TABLE `webhook_delivery` (
	`id` text PRIMARY KEY NOT NULL,
	`endpoint` text NOT NULL,
	`journal` text NOT NULL,
	`message` text NOT NULL,
	`attempt` integer NOT NULL,
	`at` integer NOT NULL,
	`status` integer NOT NULL,
	`latency_ms` integer NOT NULL,
	`answer` text NOT NULL,
	`ok` integer NOT NULL,
	`next_at` integer,
	FOREIGN KEY (`endpoint`) REFERENCES `webhook_endpoint`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `webhook_delivery_endpoint` ON `webhook_delivery` (`endpoint`,`at`);--> statement-breakpoint
CREATE TABLE `webhook_endpoint` (
	`id` text PRIMARY KEY NOT NULL,
	`domain` text NOT NULL,
	`url` text NOT NULL,
	`scheme` text NOT NULL,
	`secrets` text NOT NULL,
	`state` text DEFAULT 'active' NOT NULL,
	`failing_since` integer,
	`disabled_at` integer,
	`created_at` integer NOT NULL,
	FOREIGN KEY (`domain`) REFERENCES `domain`(`id`) ON UPDATE no action ON DELETE cascade
);
--> statement-breakpoint
CREATE INDEX `webhook_endpoint_domain` ON `webhook_endpoint` (`domain`);