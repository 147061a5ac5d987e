//! `tauline verify-powers`: powers in any of the published formats.

use std::path::PathBuf;

use rand_core::OsRng;
use serde::Serialize;
use tauline_transcript::export::{
    PowersFileError, PowersReport, read_powers_file, verify_powers_file,
};

use crate::exit::{Failure, Outcome};
use crate::input::Input;
use crate::{output, words};

/// Longest file that is read into memory, in bytes. Ours: 64 times the largest sub-ceremony of
/// Ethereum's with its Lagrange points.
const MAX_LEN: u64 = 1 << 29;

/// Check a file of powers: c-kzg's trusted_setup.txt, the consensus specifications' JSON, raw
/// points, or a contribution.
///
/// Every point decodes and lies in the subgroup, the powers are of one tau that is not 0, and
/// Lagrange points, where there are some, are those of the powers.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The file; `-` is standard input. May be compressed with gzip or zstd.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    valid: bool,
    format: Option<String>,
    sets: &'a [PowersReport],
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

/// Checks.
///
/// # Errors
/// Powers that are not valid, or a file that cannot be read.
pub fn run(args: &Args) -> Outcome {
    let input = Input::open(&args.file)?;
    let bytes = input.bytes(MAX_LEN)?;
    let name = input.name();
    let mut is_transcript = false;
    let (format, result) = match read_powers_file(&bytes) {
        Ok(file) => {
            let result = verify_powers_file(&file, &mut OsRng).map_err(|e| e.to_string());
            (Some(file.kind.to_string()), result)
        }
        Err(error) => {
            is_transcript = error == PowersFileError::Transcript;
            (None, Err(error.to_string()))
        }
    };
    if args.json {
        output::print_json(&Json {
            valid: result.is_ok(),
            format: format.clone(),
            sets: result.as_deref().unwrap_or_default(),
            failure: result.as_ref().err().cloned(),
        })?;
    }
    let reports = result.map_err(|why| match format {
        Some(_) => Failure::bad(format!("{name} is NOT valid: {why}")),
        None if is_transcript => {
            Failure::bad(format!("{name}: {why}")).help(format!("tauline verify {name}"))
        }
        None => Failure::bad(format!("{name}: {why}")),
    })?;
    if args.json {
        return Ok(());
    }
    let mut lines = vec![format!("{name}: {}", format.unwrap_or_default())];
    for report in &reports {
        lines.push(format!(
            "  {} powers in G1, {} in G2; {}",
            words::number(report.num_g1_powers as u64),
            words::number(report.num_g2_powers as u64),
            report.lagrange
        ));
    }
    lines.push(format!("{name} is valid."));
    output::print(&lines.join("\n"))
}
