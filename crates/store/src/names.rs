//! The names of the files in a data directory.

/// Name of the database. A backup is such a file.
pub const DATABASE_NAME: &str = "tauline.db";

/// Name of the lock file. It contains the number of the process.
pub const LOCK_NAME: &str = "lock";

/// Name of the folder with rendered transcripts.
pub const SNAPSHOTS_NAME: &str = "snapshots";

/// Name of a database while it is being made.
pub(crate) const NEW_DATABASE_NAME: &str = "tauline.db.new";

/// Name of a database while it is being restored.
pub const PART_NAME: &str = "tauline.db.part";

/// Name of the mark.
pub const MARK_NAME: &str = "tauline.mark";

/// Name of the file with the key of a coordinator that is to go on with a ceremony and has none yet.
pub(crate) const SUCCESSOR_NAME: &str = "tauline.successor";

/// Name of the file that tells what was last signed.
pub const SIGNED_NAME: &str = "tauline.signed";
