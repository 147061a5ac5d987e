-- The digest of each contribution's document, whatever form it came in: so that the same one sent
-- again is known from another. None of those that were accepted before there were digests.
ALTER TABLE contributions ADD COLUMN digest BLOB CHECK (length(digest) = 32);
