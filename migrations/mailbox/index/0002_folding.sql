-- Texts are folded in another way (store/search/fold.ts): all of it is looked at anew.
INSERT INTO terms (terms) VALUES ('delete-all');
DELETE FROM partial;
UPDATE progress SET indexed_to = 0;
