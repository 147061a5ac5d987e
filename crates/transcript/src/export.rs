//! Files that KZG libraries load: a sub-ceremony's final powers (`docs/spec/ceremony.md#c-kzg`,
//! `docs/spec/ceremony.md#consensus`).
//!
//! | format | what | written | read |
//! |---|---|---|---|
//! | c-kzg | `trusted_setup.txt` of c-kzg-4844 | yes | yes, also of before 2024, without G1 monomial powers |
//! | consensus | `trusted_setup_4096.json` of the consensus specifications | yes | yes, also with its older names |
//! | raw | G1 powers, then G2 powers, as bytes or as hex; perhaps behind their numbers | no | yes |
//! | contribution | JSON or MessagePack, all sub-ceremonies | no | yes |
//!
//! Points are read compressed or uncompressed, hex in either case and with `0x` or without.
//!
//! [`read_powers_file`] takes any of them, [`check_powers_file`] checks what was read. A
//! transcript's powers come from [`transcript::read_powers`](crate::transcript::read_powers).

mod check;
mod file;
mod findings;
mod lagrange;
mod read;
mod write;

pub use check::check_powers_file;
pub use file::{PowersFile, PowersFileError, PowersFileKind, PowersSet};
pub use findings::{LagrangeFinding, PowersInvalid, PowersReport, SetFindings};
pub use lagrange::{LagrangeMismatch, NotPowerOfTwo, check_lagrange, to_lagrange};
pub use read::read_powers_file;
pub use write::{ExportError, ExportFormat, export_powers};
