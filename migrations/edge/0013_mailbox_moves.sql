CREATE TABLE `mailbox_move` (
	`id` text PRIMARY KEY NOT NULL,
	`mailbox` text NOT NULL,
	`source` text NOT NULL,
	`target` text NOT NULL,
	`epoch` integer NOT NULL,
	`state` text NOT NULL,
	`asked_at` integer NOT NULL,
	`ended_at` integer,
	`trouble` text DEFAULT '' NOT NULL,
	`trouble_at` integer,
	`followed_at` integer,
	FOREIGN KEY (`mailbox`) REFERENCES `mailbox`(`id`) ON UPDATE no action ON DELETE cascade,
	FOREIGN KEY (`source`) REFERENCES `node`(`id`) ON UPDATE no action ON DELETE no action,
	FOREIGN KEY (`target`) REFERENCES `node`(`id`) ON UPDATE no action ON DELETE no action
);
--> statement-breakpoint
CREATE UNIQUE INDEX `mailbox_move_asked` ON `mailbox_move` (`mailbox`) WHERE state = 'asked';--> statement-breakpoint
CREATE INDEX `mailbox_move_target` ON `mailbox_move` (`target`,`state`);--> statement-breakpoint
CREATE INDEX `mailbox_move_mailbox` ON `mailbox_move` (`mailbox`);