-- Until when the leader was there, in milliseconds of the queue's time, and when it told so, by this
-- database's clock. The leader after it counts the time without a leader from then; it overwrites them
-- once it serves.
ALTER TABLE leader ADD COLUMN there_until bigint CHECK (there_until >= 0), ADD COLUMN there_told timestamptz;
