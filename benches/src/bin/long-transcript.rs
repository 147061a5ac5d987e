//! Writes a valid transcript of any length, with all signatures, to measure a verifier with.
//!
//! `cargo run --release -p tauline-benches --bin long-transcript -- 100000 transcript.json`
//!
//! The secrets are known and the final powers are computed once, so a contribution takes one core
//! some 2 ms. The transcript is written as a stream, so memory does not grow with its length.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, ValueEnum};
use tauline_benches::transcripts::write_transcript;
use tauline_transcript::transcript::Format;
use tauline_transcript::{Encoding, Sizes};

/// Writes a valid transcript whose contributions are all signed.
#[derive(Parser)]
struct Args {
    /// How many contributions it has.
    contributions: u32,
    /// The file to write; `-` is standard output.
    #[arg(default_value = "-")]
    output: PathBuf,
    /// The ceremony's sizes; the default is the Ethereum ceremony.
    #[arg(
        long,
        value_name = "SIZES",
        default_value = "4096:65,8192:65,16384:65,32768:65"
    )]
    ceremony: Sizes,
    /// The form of the document.
    #[arg(long, value_enum, default_value = "json")]
    format: Form,
}

#[derive(Clone, Copy, ValueEnum)]
enum Form {
    /// JSON without white space.
    Json,
    /// MessagePack with compressed points.
    Msgpack,
    /// MessagePack with uncompressed points.
    MsgpackUncompressed,
}

fn main() -> Result<()> {
    tauline_benches::choose_arithmetic();
    let args = Args::parse();
    let format = match args.format {
        Form::Json => Format::Json,
        Form::Msgpack => Format::MessagePack(Encoding::Compressed),
        Form::MsgpackUncompressed => Format::MessagePack(Encoding::Uncompressed),
    };
    let out: Box<dyn Write> = match args.output.as_os_str() == "-" {
        true => Box::new(io::stdout().lock()),
        false => Box::new(
            File::create(&args.output)
                .with_context(|| format!("cannot write {}", args.output.display()))?,
        ),
    };
    write_transcript(
        BufWriter::new(out),
        format,
        &args.ceremony,
        args.contributions,
    )?;
    Ok(())
}
