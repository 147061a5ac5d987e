//! The transcript that anyone can download.

use std::sync::Arc;

use tauline_server::snapshot::{FOLDER_NAME, TranscriptFile, Transcripts};
use tauline_transcript::chain::{ExpectedSizes, Options, verify_transcript};
use tauline_transcript::transcript::{Format, Transcript};
use tokio::io::AsyncReadExt as _;

use crate::support::{Ceremony, id, sizes, update};

fn transcripts(ceremony: &Ceremony) -> Transcripts {
    let folder = ceremony.path().join(FOLDER_NAME);
    Transcripts::new(Arc::clone(&ceremony.store), folder).unwrap()
}

async fn read(file: &TranscriptFile) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.open().unwrap().read_to_end(&mut bytes).await.unwrap();
    assert_eq!(bytes.len() as u64, file.len);
    bytes
}

#[tokio::test]
async fn the_transcript_is_that_of_the_ceremony_byte_for_byte() {
    let ceremony = Ceremony::new();
    let transcripts = transcripts(&ceremony);
    let mut expected = Transcript::initial(&sizes());
    let start = transcripts.current().await.unwrap();
    assert_eq!(
        read(&start).await,
        expected.write(Vec::new(), Format::Json).unwrap()
    );

    for name in ["anna", "bert", "cleo"] {
        ceremony.join(name).await;
        let head = ceremony.start(name).await;
        let document = update(&head, name);
        expected
            .accept(id(name), &document, &mut rand_core::OsRng)
            .unwrap();
        ceremony.complete(name, document).await.unwrap();
    }
    let file = transcripts.current().await.unwrap();
    assert_eq!(file.contributions, 3);
    let bytes = read(&file).await;
    assert_eq!(bytes, expected.write(Vec::new(), Format::Json).unwrap());
    let options = Options {
        sizes: ExpectedSizes::These(sizes()),
        ..Options::default()
    };
    verify_transcript(&bytes[..], &options, &mut rand_core::OsRng, &|_| ()).unwrap();
}

#[tokio::test]
async fn it_is_made_once_a_contribution_and_older_ones_stay_for_a_while() {
    let ceremony = Ceremony::new();
    let transcripts = transcripts(&ceremony);
    let mut files = vec![transcripts.current().await.unwrap()];
    assert_eq!(transcripts.current().await.unwrap().etag, files[0].etag);
    for number in 0..6 {
        let name = format!("n{number}");
        ceremony.join(&name).await;
        ceremony.contribute(&name).await;
        let asked = [transcripts.clone(), transcripts.clone()]
            .map(|transcripts| tokio::spawn(async move { transcripts.current().await.unwrap() }));
        let [one, two] = asked;
        let (one, two) = (one.await.unwrap(), two.await.unwrap());
        assert_eq!(one.etag, two.etag);
        assert_ne!(one.etag, files.last().unwrap().etag);
        files.push(one);
    }
    let folder = ceremony.path().join(FOLDER_NAME);
    let on_disk = || std::fs::read_dir(&folder).unwrap().count();
    // Seven were made, four are kept, and those that somebody reads stay too.
    assert_eq!(on_disk(), 7);
    assert!(transcripts.by_etag(&files[2].etag).is_none());
    assert!(transcripts.by_etag(&files[3].etag).is_some());
    read(&files[0]).await;
    let newest = files.pop().unwrap();
    drop(files);
    assert_eq!(on_disk(), 4);

    // A restart takes up what is there, and clears what was half made.
    std::fs::write(folder.join("transcript-9-00.partial"), b"{").unwrap();
    let etag = newest.etag.clone();
    drop((newest, transcripts));
    let ceremony = ceremony.restart().await;
    let transcripts = Transcripts::new(Arc::clone(&ceremony.store), folder.clone()).unwrap();
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 4);
    assert!(transcripts.by_etag(&etag).is_some());
    assert_eq!(transcripts.current().await.unwrap().etag, etag);
}
