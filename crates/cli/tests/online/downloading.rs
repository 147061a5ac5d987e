//! `transcript`.

use std::fs;

use tauline_cli::client::{Client, http, parse_server};

use crate::common::server::Server;
use crate::common::{SIZES, run, temporary};

#[test]
fn an_interrupted_download_goes_on_where_it_stopped() {
    let server = Server::start(&[]);
    let dir = temporary();
    let contribute = |key: &str| {
        run(
            dir.path(),
            &["contribute", "--server", &server.url, "--key", key],
        )
        .0
    };
    assert_eq!(contribute("key-1"), 0);
    let download = |name: &str| {
        run(
            dir.path(),
            &["transcript", "--server", &server.url, "-o", name],
        )
    };
    let path = |name: &str| dir.path().join(name);
    let (exit, _, error) = download("whole.json");
    assert_eq!(exit, 0, "{error}");
    let whole = fs::read(path("whole.json")).unwrap();
    let etag = {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let url = parse_server(&server.url).unwrap();
        let client = Client::new(http(&url).unwrap(), url);
        let response = runtime.block_on(client.transcript(0, None)).unwrap();
        response.headers()["etag"].to_str().unwrap().to_owned()
    };
    let part = |bytes: &[u8], etag: &str| {
        fs::write(path("t.json.part"), bytes).unwrap();
        fs::write(path("t.json.part.etag"), format!("{etag}\n")).unwrap();
    };

    part(&whole[..1000], &etag);
    let (exit, _, error) = download("t.json");
    assert_eq!(exit, 0, "{error}");
    assert!(error.contains("Going on after 1.0 kB."), "{error}");
    assert!(!error.contains("starting again"), "{error}");
    assert_eq!(fs::read(path("t.json")).unwrap(), whole);
    assert!(!path("t.json.part").exists() && !path("t.json.part.etag").exists());
    let (exit, _, error) = download("t.json");
    assert_eq!(exit, 2, "a file is not replaced unasked");
    assert!(error.contains("t.json exists already"), "{error}");

    // All of it was downloaded, and only the name was missing.
    fs::remove_file(path("t.json")).unwrap();
    part(&whole, &etag);
    assert_eq!(download("t.json").0, 0);
    assert_eq!(fs::read(path("t.json")).unwrap(), whole);

    // A part of another transcript is not used.
    fs::remove_file(path("t.json")).unwrap();
    part(b"something else entirely", "\"of-another\"");
    let (exit, _, error) = download("t.json");
    assert_eq!(exit, 0, "{error}");
    assert!(
        error.contains("The transcript has changed: starting again."),
        "{error}"
    );
    assert_eq!(fs::read(path("t.json")).unwrap(), whole);

    // A part of an older transcript is completed with that one, or the download starts again.
    assert_eq!(contribute("key-2"), 0);
    fs::remove_file(path("t.json")).unwrap();
    part(&whole[..1000], &etag);
    assert_eq!(download("t.json").0, 0);
    assert_eq!(
        run(dir.path(), &["verify", "t.json", "--ceremony", SIZES]).0,
        0
    );
}
