CREATE TABLE `dns_check` (
	`domain` text PRIMARY KEY NOT NULL,
	`at` integer NOT NULL,
	`states` text NOT NULL,
	FOREIGN KEY (`domain`) REFERENCES `domain`(`id`) ON UPDATE no action ON DELETE cascade
);
