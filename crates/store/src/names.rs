//! What files in a data directory are called.

/// Name of the database inside the data directory. A backup is such a file.
pub const DATABASE_NAME: &str = "tauline.db";

/// Name of the lock file inside the data directory. It holds the number of the process.
pub const LOCK_NAME: &str = "lock";

/// Name of the folder of rendered transcripts inside the data directory.
pub const SNAPSHOTS_NAME: &str = "snapshots";

/// Name of a database that is being made.
pub(crate) const NEW_DATABASE_NAME: &str = "tauline.db.new";

/// Name of a database that is being restored.
pub const PART_NAME: &str = "tauline.db.part";

/// Name of the mark inside the data directory.
pub const MARK_NAME: &str = "tauline.mark";
