//! The transcript that anyone can download.

use std::io::Read as _;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use tauline_protocol::Identity;
use tauline_queue_core::Ticket;
use tauline_server::testing::representation::Coding;
use tauline_server::testing::snapshot::{FOLDER_NAME, Transcript, Transcripts};
use tauline_store::sqlite::Sqlite;
use tauline_store::{Batch, Blob, Contribution, Store, Witness, Write};
use tauline_transcript::transcript::{ExpectedSizes, Options, verify_transcript};
use tauline_transcript::transcript::{Format, Transcript as InMemory, TranscriptWriter};
use tauline_transcript::{Base, Encoding};

use crate::support::{Ceremony, NOON, id, sizes, update};

fn transcripts(ceremony: &Ceremony) -> Transcripts {
    let folder = ceremony.path().join(FOLDER_NAME);
    Transcripts::new(Arc::clone(&ceremony.store), folder).unwrap()
}

async fn now(ceremony: &Ceremony, transcripts: &Transcripts) -> Transcript {
    let contributions = ceremony.coordinator.status().contributions;
    transcripts.current(contributions).await.unwrap()
}

/// The bytes in a compression, and what they are without it.
async fn read(transcripts: &Transcripts, transcript: &Transcript, coding: Coding) -> Vec<u8> {
    let document = transcripts.document(transcript, coding).await.unwrap();
    let pieces: Vec<_> = document.bytes(0, u64::MAX).try_collect().await.unwrap();
    let bytes = pieces.concat();
    assert_eq!(bytes.len() as u64, document.len());
    match coding {
        Coding::Identity => bytes,
        Coding::Zstd => zstd::decode_all(&bytes[..]).unwrap(),
        Coding::Gzip => {
            let mut plain = Vec::new();
            let mut member = flate2::bufread::GzDecoder::new(&bytes[..]);
            member.read_to_end(&mut plain).unwrap();
            assert!(member.into_inner().is_empty(), "one member, and no more");
            plain
        }
    }
}

async fn assert_is(transcripts: &Transcripts, transcript: &Transcript, expected: &[u8]) {
    for coding in [Coding::Identity, Coding::Gzip, Coding::Zstd] {
        let plain = read(transcripts, transcript, coding).await;
        assert!(
            plain == expected,
            "{coding:?}, of {} contributions",
            transcript.contributions()
        );
    }
}

#[tokio::test]
async fn the_transcript_is_that_of_the_ceremony_byte_for_byte() {
    let ceremony = Ceremony::new();
    let transcripts = transcripts(&ceremony);
    let mut expected = InMemory::initial(&sizes());
    let start = now(&ceremony, &transcripts).await;
    let text = expected.write(Vec::new(), Format::Json).unwrap();
    assert_is(&transcripts, &start, &text).await;

    for name in ["anna", "bert", "cleo"] {
        ceremony.join(name).await;
        let base = ceremony.start(name).await;
        let document = update(&base, name);
        expected
            .accept(id(name), &document, &mut rand_core::OsRng)
            .unwrap();
        ceremony.complete(name, document).await.unwrap();
    }
    let third = now(&ceremony, &transcripts).await;
    assert_eq!(third.contributions(), 3);
    let text = expected.write(Vec::new(), Format::Json).unwrap();
    assert_is(&transcripts, &third, &text).await;
    let options = Options {
        sizes: ExpectedSizes::These(sizes()),
        ..Options::default()
    };
    verify_transcript(&text[..], &options, &mut rand_core::OsRng, &|_| ()).unwrap();
}

#[tokio::test]
async fn it_is_made_once_a_contribution_and_older_ones_stay_for_a_while() {
    const PLAIN: Coding = Coding::Identity;
    let ceremony = Ceremony::new();
    let transcripts = transcripts(&ceremony);
    let mut seen = vec![now(&ceremony, &transcripts).await];
    let made = transcripts.rendered();
    assert_eq!(
        now(&ceremony, &transcripts).await.etag(PLAIN),
        seen[0].etag(PLAIN)
    );
    assert_eq!(transcripts.rendered(), made);
    for number in 0..6 {
        let name = format!("n{number}");
        ceremony.join(&name).await;
        ceremony.contribute(&name).await;
        let asked = [transcripts.clone(), transcripts.clone()].map(|transcripts| {
            tokio::spawn(async move { transcripts.current(number + 1).await.unwrap() })
        });
        let [one, two] = asked;
        let (one, two) = (one.await.unwrap(), two.await.unwrap());
        assert_eq!(one.etag(PLAIN), two.etag(PLAIN));
        assert_ne!(one.etag(PLAIN), seen.last().unwrap().etag(PLAIN));
        seen.push(one);
    }
    let folder = ceremony.path().join(FOLDER_NAME);
    let on_disk = || {
        let files = std::fs::read_dir(&folder).unwrap();
        files
            .filter(|file| {
                file.as_ref()
                    .unwrap()
                    .path()
                    .to_str()
                    .unwrap()
                    .contains("powers-")
            })
            .count()
    };
    // Seven were made, four are kept, and those that somebody reads stay too.
    assert_eq!(on_disk(), 7);
    let by_etag =
        async |transcripts: &Transcripts, etag: String| transcripts.by_etag(&etag).await.unwrap();
    assert!(by_etag(&transcripts, seen[2].etag(PLAIN)).await.is_none());
    assert!(by_etag(&transcripts, seen[3].etag(PLAIN)).await.is_some());
    let first = read(&transcripts, &seen[0], PLAIN).await;
    serde_json::from_slice::<serde_json::Value>(&first).unwrap();
    let (newest, older) = (seen.pop().unwrap(), seen.pop().unwrap());
    let (newest, older) = (
        newest.etag(PLAIN),
        (older.etag(PLAIN), read(&transcripts, &older, PLAIN).await),
    );
    drop(seen);
    assert_eq!(on_disk(), 4);

    // A restart takes up what is there, and clears what was half made.
    std::fs::write(folder.join("powers-9-00.partial"), b"{").unwrap();
    std::fs::write(folder.join("transcript-6-0000000000000000.json"), b"{}").unwrap();
    // Powers of another ceremony, as of another format.
    let mine = std::fs::read_dir(&folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let mine = mine.filter(|path| path.to_str().unwrap().contains("powers-5-"));
    for path in mine.collect::<Vec<_>>() {
        std::fs::copy(path, folder.join("powers-5-0000000000000000.json")).unwrap();
    }
    drop(transcripts);
    let ceremony = ceremony.restart().await;
    let transcripts = Transcripts::new(Arc::clone(&ceremony.store), folder.clone()).unwrap();
    let (etag, bytes) = older;
    let found = by_etag(&transcripts, etag).await.expect("is kept");
    assert_eq!(found.contributions(), 5);
    assert_is(&transcripts, &found, &bytes).await;
    assert_eq!(now(&ceremony, &transcripts).await.etag(PLAIN), newest);
    assert_eq!(on_disk(), 4);
    let others = std::fs::read_dir(&folder).unwrap();
    let names: Vec<_> = others.map(|file| file.unwrap().file_name()).collect();
    assert!(
        names.iter().all(|name| {
            let name = name.to_str().unwrap();
            name.starts_with("powers-") || name.starts_with("list-")
        }),
        "{names:?}"
    );
}

#[tokio::test]
async fn a_reader_in_the_middle_of_a_download_gets_what_it_began_with() {
    let ceremony = Ceremony::new();
    let transcripts = transcripts(&ceremony);
    ceremony.join("anna").await;
    ceremony.contribute("anna").await;
    let transcript = now(&ceremony, &transcripts).await;
    let whole = read(&transcripts, &transcript, Coding::Identity).await;
    let document = transcripts
        .document(&transcript, Coding::Identity)
        .await
        .unwrap();
    let mut reader = Box::pin(document.bytes(0, u64::MAX));
    let mut bytes = reader.try_next().await.unwrap().unwrap().to_vec();
    drop((transcript, document));
    for number in 0..6 {
        let name = format!("n{number}");
        ceremony.join(&name).await;
        ceremony.contribute(&name).await;
        now(&ceremony, &transcripts).await;
    }
    while let Some(piece) = reader.try_next().await.unwrap() {
        bytes.extend(piece);
    }
    assert!(bytes == whole);
}

#[tokio::test]
async fn any_part_is_a_part_of_the_whole() {
    let ceremony = Ceremony::new();
    let transcripts = transcripts(&ceremony);
    ceremony.join("anna").await;
    ceremony.contribute("anna").await;
    let transcript = now(&ceremony, &transcripts).await;
    for coding in [Coding::Identity, Coding::Gzip] {
        let document = transcripts.document(&transcript, coding).await.unwrap();
        let whole: Vec<_> = document.bytes(0, u64::MAX).try_collect().await.unwrap();
        let whole = whole.concat();
        for first in (0..whole.len()).step_by(977) {
            for len in [0, 1, 500, 30_000] {
                let part = document.bytes(first as u64, len as u64);
                let part: Vec<_> = part.try_collect().await.unwrap();
                let end = (first + len).min(whole.len());
                assert!(part.concat() == whole[first..end], "{first}, {len}");
            }
        }
    }
}

/// Changes something in every file of the folder; gives how many there are.
fn spoil(ceremony: &Ceremony, change: impl Fn(&mut Vec<u8>)) -> usize {
    let mut spoiled = 0;
    for file in std::fs::read_dir(ceremony.path().join(FOLDER_NAME)).unwrap() {
        let path = file.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        if !bytes.is_empty() {
            change(&mut bytes);
            // In place, as a disk does it.
            std::fs::write(&path, bytes).unwrap();
            spoiled += 1;
        }
    }
    spoiled
}

#[tokio::test]
async fn a_spoiled_piece_is_made_anew_before_it_is_served() {
    let ceremony = Ceremony::new();
    let transcripts = transcripts(&ceremony);
    for number in 0..70 {
        let name = format!("n{number}");
        ceremony.join(&name).await;
        ceremony.contribute(&name).await;
    }
    let transcript = now(&ceremony, &transcripts).await;
    let whole = read(&transcripts, &transcript, Coding::Identity).await;
    // So that there are compressed files, too.
    assert_is(&transcripts, &transcript, &whole).await;
    let spoilers: [fn(&mut Vec<u8>); 3] = [
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 2;
        },
        |bytes| bytes.truncate(bytes.len() / 2),
        Vec::clear,
    ];
    for spoiler in spoilers {
        assert_eq!(spoil(&ceremony, spoiler), 14 * 3 + 1);
        assert_is(&transcripts, &transcript, &whole).await;
        // And the next one stands on what was made anew.
        assert_is(&transcripts, &now(&ceremony, &transcripts).await, &whole).await;
    }
    ceremony.join("last").await;
    ceremony.contribute("last").await;
    spoil(&ceremony, spoilers[0]);
    let next = now(&ceremony, &transcripts).await;
    let text = read(&transcripts, &next, Coding::Identity).await;
    let options = Options {
        sizes: ExpectedSizes::These(sizes()),
        ..Options::default()
    };
    verify_transcript(&text[..], &options, &mut rand_core::OsRng, &|_| ()).unwrap();
}

#[tokio::test]
async fn a_reader_never_gets_what_was_not_written() {
    let ceremony = Ceremony::new();
    let transcripts = transcripts(&ceremony);
    ceremony.join("anna").await;
    ceremony.contribute("anna").await;
    let older = now(&ceremony, &transcripts).await;
    let document = transcripts
        .document(&older, Coding::Identity)
        .await
        .unwrap();
    let mut reader = Box::pin(document.bytes(0, u64::MAX));
    reader.try_next().await.unwrap().unwrap();
    ceremony.join("bert").await;
    ceremony.contribute("bert").await;
    now(&ceremony, &transcripts).await;
    spoil(&ceremony, |bytes| bytes[0] ^= 1);
    // The powers of before are nowhere else: the download is cut off, and others are not offered it.
    let document = transcripts
        .document(&older, Coding::Identity)
        .await
        .unwrap();
    document
        .bytes(0, u64::MAX)
        .try_collect::<Vec<_>>()
        .await
        .unwrap_err();
    let etag = older.etag(Coding::Identity);
    assert!(transcripts.by_etag(&etag).await.unwrap().is_none());
}

#[tokio::test]
async fn the_folder_may_disappear_while_it_runs() {
    let ceremony = Ceremony::new();
    let transcripts = transcripts(&ceremony);
    for name in ["anna", "bert", "cleo"] {
        let before = now(&ceremony, &transcripts).await;
        let whole = read(&transcripts, &before, Coding::Identity).await;
        std::fs::remove_dir_all(ceremony.path().join(FOLDER_NAME)).unwrap();
        assert_is(&transcripts, &before, &whole).await;
        ceremony.join(name).await;
        ceremony.contribute(name).await;
        let after = now(&ceremony, &transcripts).await;
        let text = read(&transcripts, &after, Coding::Identity).await;
        assert_is(&transcripts, &after, &text).await;
        assert!(text.len() > whole.len());
    }
    // Before the first request, too.
    let transcripts = self::transcripts(&ceremony);
    std::fs::remove_dir_all(ceremony.path().join(FOLDER_NAME)).unwrap();
    let after = now(&ceremony, &transcripts).await;
    assert_eq!(after.contributions(), 3);
    let text = read(&transcripts, &after, Coding::Gzip).await;
    assert_is(&transcripts, &after, &text).await;
}

#[tokio::test]
async fn what_was_spoiled_between_two_runs_is_made_anew() {
    let ceremony = Ceremony::new();
    let first = transcripts(&ceremony);
    ceremony.join("anna").await;
    ceremony.contribute("anna").await;
    let transcript = now(&ceremony, &first).await;
    let whole = read(&first, &transcript, Coding::Identity).await;
    drop((first, transcript));
    // One digit of one power: still JSON of the right length.
    spoil(&ceremony, |bytes| {
        let middle = bytes.len() / 2;
        bytes[middle] = if bytes[middle] == b'1' { b'2' } else { b'1' };
    });
    let ceremony = ceremony.restart().await;
    let again = transcripts(&ceremony);
    let transcript = now(&ceremony, &again).await;
    assert_is(&again, &transcript, &whole).await;
}

/// A contribution that nobody verified: the transcript's bytes do not depend on it.
fn made_up(number: u64) -> Contribution {
    let byte = |at: u64| u8::try_from((number * 31 + at * 7) % 251).unwrap() + 1;
    let witness = (0..4).map(|sub| Witness {
        running_product: [byte(sub); 48],
        pot_pubkey: [byte(sub + 4); 96],
        bls_signature: (number + sub)
            .is_multiple_of(3)
            .then_some([byte(sub + 8); 48]),
    });
    Contribution {
        number,
        ticket: Ticket::new(number),
        identity: Identity::invite(&format!("nr.{number}")).unwrap(),
        witness: witness.collect(),
        ecdsa: number.is_multiple_of(5).then_some([byte(9); 65]),
        digest: None,
    }
}

/// The same, by the writer of whole transcripts.
fn written(contributions: u64) -> Vec<u8> {
    let all = || (1..=contributions).map(made_up);
    let base = Base::initial(&sizes());
    let mut writer =
        TranscriptWriter::new(Vec::new(), Format::Json, sizes().len(), contributions).unwrap();
    for (sub, powers) in base.powers().iter().enumerate() {
        writer
            .sub_ceremony(
                powers,
                all().map(|one| Ok(one.witness[sub].running_product)),
                all().map(|one| Ok(one.witness[sub].pot_pubkey)),
                all().map(|one| Ok(one.witness[sub].bls_signature)),
            )
            .unwrap();
    }
    writer
        .finish(
            all().map(|one| Ok(one.identity)),
            all().map(|one| Ok(one.ecdsa)),
        )
        .unwrap()
}

#[tokio::test]
async fn the_cost_of_a_turn_does_not_grow_with_a_thousand_contributions() {
    let directory = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(directory.path(), &sizes(), NOON).unwrap());
    let folder = directory.path().join(FOLDER_NAME);
    let transcripts = Transcripts::new(Arc::clone(&store), folder).unwrap();
    let blob = Base::initial(&sizes()).to_raw(Encoding::Compressed);
    let blob = Blob::new(blob.to_msgpack(Encoding::Compressed).unwrap());
    let mut chain = tauline_store::Chain::EMPTY;
    let mut accept = |numbers: std::ops::RangeInclusive<u64>| {
        let last = *numbers.end();
        let mut batch = Batch::default();
        for number in numbers {
            let ticket = Ticket::new(number);
            let record = chain.append(number.to_be_bytes().to_vec(), Some(ticket));
            batch.writes.push(Write::Record(record));
            if number == last {
                let blob = blob.clone();
                batch.writes.push(Write::Blob { ticket, blob });
            }
            batch.writes.push(Write::Accepted(made_up(number)));
        }
        store.commit(&batch).unwrap();
    };
    let mut costs = Vec::new();
    let mut done = 0;
    for upto in [10, 63, 127, 500, 999] {
        accept(done + 1..=upto);
        transcripts.current(upto).await.unwrap();
        let before = transcripts.rendered();
        done = upto + 1;
        accept(done..=done);
        let transcript = transcripts.current(done).await.unwrap();
        costs.push(transcripts.rendered() - before);
        assert_is(&transcripts, &transcript, &written(done)).await;
        // Further readers, in whatever form, have nothing rendered.
        let after = transcripts.rendered();
        transcripts.current(done).await.unwrap();
        assert_eq!(transcripts.rendered(), after);
    }
    println!("bytes rendered for one more contribution: {costs:?}");
    // Entries differ by their signatures, and by the digits of a number.
    let (least, most) = (costs.iter().min().unwrap(), costs.iter().max().unwrap());
    assert!(most - least < 1000, "{costs:?}");
}
