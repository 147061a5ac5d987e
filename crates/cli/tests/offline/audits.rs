//! `audit` of a log in a directory.

use std::fs;
use std::path::Path;
use std::time::SystemTime;

use tauline_log::checkpoint::Cosigner;
use tauline_log::note::Signer;
use tauline_log::tile::{self, Tile};
use tauline_log::tree::leaf_hash;
use tauline_protocol::keepsake::{KEEPSAKE_VERSION, Keepsake, KeptStay};
use tauline_protocol::public_log::{Accepted, Hex32, WitnessPart, witness_digest};
use tauline_protocol::statement::{Statement, TicketStatement};
use tauline_queue_core::{Event, Mode, Rules};
use tauline_transcript::Encoding;
use tauline_transcript::signature::eip55;
use tauline_transcript::transcript::{Format, Transcript, read_witnesses};

use crate::common::{identity, run, temporary, transcript};
use crate::support::{
    Log, ORIGIN, Story, address, blinding, commitment, coordinator, joined, person, signer, ticket,
};

/// Writes a log as C2SP `tlog-tiles` has it.
fn write(log: &Log, dir: &Path) {
    let entries = log.bytes();
    for bundle in tile::bundles(entries.len() as u64) {
        let first = bundle.index() as usize * 256;
        let part = &entries[first..first + usize::from(bundle.width())];
        put(dir, bundle, &tile::bundle_to_bytes(part).unwrap());
    }
    let checkpoint = log.checkpoint(entries.len());
    fs::write(dir.join("checkpoint"), checkpoint.to_string()).unwrap();
}

fn put(dir: &Path, tile: Tile, bytes: &[u8]) {
    let path = dir.join(tile.to_string());
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// A hundred and fifty people have contributed, which is several bundles, and one is called.
fn long() -> Story {
    let mut story = Story::new(Rules::default());
    for n in 0..150 {
        let name = format!("p{n}");
        story.join(&name).contribute(&name);
    }
    story.join("ada").join("bob").join("carol");
    story
}

fn audit(dir: &Path, more: &[&str]) -> (i32, String, String) {
    let args = [&["audit", "--log", "log"], more].concat();
    run(dir, &args)
}

#[test]
fn a_fair_log_is_reported_and_exits_with_0() {
    let dir = temporary();
    let story = long();
    write(&story.log(), &dir.path().join("log"));
    let address = eip55(&address(&coordinator()));
    let key = signer().verifier_key().to_string();
    let pinned = ["--coordinator-address", &address, "--key", &key];
    let (exit, out, error) = audit(dir.path(), &pinned);
    assert_eq!((exit, error.as_str()), (0, ""), "{out}");
    let verdict = "The log of ceremony.example.org/log is that of a fair coordinator";
    assert!(out.starts_with(verdict), "{out}");
    assert!(out.contains(&address), "{out}");
    let (exit, out, _) = audit(dir.path(), &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(exit, 0);
    assert_eq!(report["fair"], true);
    assert_eq!(report["statistics"]["outcomes"]["contributed"], 150);
}

#[test]
fn a_violation_is_named_and_exits_with_1() {
    let dir = temporary();
    let mut log = long().log();
    let place = log.entries.len();
    let at = log.entries[place - 1].at;
    let call = Event::Called {
        ticket: ticket(153),
        start_by: at.saturating_add(std::time::Duration::from_secs(15)),
        passed: Vec::new(),
    };
    log.insert(place, call);
    write(&log, &dir.path().join("log"));
    let (exit, out, error) = audit(dir.path(), &[]);
    assert_eq!(exit, 1, "{out}");
    assert!(
        out.contains("[two-turns, docs/spec/queue.md#one-turn]"),
        "{out}"
    );
    assert!(error.contains("ticket 151 had the turn"), "{error}");
    let (exit, out, _) = audit(dir.path(), &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(exit, 1);
    assert_eq!(report["violations"][0]["kind"], "two-turns");
    assert_eq!(report["violations"][0]["entry"], place);
}

#[test]
fn another_coordinators_log_exits_with_1() {
    let dir = temporary();
    write(&long().log(), &dir.path().join("log"));
    let other = eip55(&[0x11; 20]);
    let (exit, out, _) = audit(dir.path(), &["--coordinator-address", &other]);
    assert_eq!(exit, 1);
    assert!(out.contains("other-coordinator"), "{out}");
}

#[test]
fn witnesses_that_are_trusted_must_have_cosigned_lately() {
    let dir = temporary();
    let log = long().log();
    write(&log, &dir.path().join("log"));
    let witness = Cosigner::from_seed("north.example".parse().unwrap(), &[3; 32]);
    let policy = format!(
        "log {}\nwitness north {}\nquorum north\n",
        signer().verifier_key(),
        witness.verifier_key()
    );
    fs::write(dir.path().join("policy"), policy).unwrap();
    let asked = ["--policy", "policy"];
    let (exit, out, error) = audit(dir.path(), &asked);
    assert_eq!(exit, 1, "{out}");
    let cited = "[not-cosigned, docs/spec/public-log.md#witnesses]";
    assert!(out.contains(cited), "{out}");
    assert!(error.contains("not what the policy asks for"), "{error}");
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    for (age, more, is_stale) in [
        (5, &[][..], false),
        (100_000, &[], true),
        (100_000, &["--max-age", "200000"], false),
    ] {
        let checkpoint = log.checkpoint(log.entries.len());
        let cosignature = witness.cosign(checkpoint.unverified(), now - age).unwrap();
        let cosigned = checkpoint.with(cosignature).unwrap();
        fs::write(dir.path().join("log/checkpoint"), cosigned.to_string()).unwrap();
        let (exit, out, _) = audit(dir.path(), &[&asked[..], more].concat());
        assert_eq!(exit, i32::from(is_stale), "{out}");
        assert_eq!(out.contains("[stale-checkpoint, "), is_stale, "{out}");
    }
    // Without a policy they are listed.
    let (exit, out, _) = audit(dir.path(), &[]);
    assert_eq!(exit, 0, "{out}");
    assert!(out.contains("1 cosignature, not verified"), "{out}");
    let (_, out, _) = audit(dir.path(), &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let listed = &report["witnesses"]["cosignatures"][0];
    assert_eq!(listed["witness"], "north.example");
    assert_eq!(listed["worth"], "unverified");
    fs::write(dir.path().join("policy"), "witnesses: all\n").unwrap();
    let (exit, _, error) = audit(dir.path(), &asked);
    assert_eq!(exit, 3);
    assert!(error.contains("policy is no policy: line 1"), "{error}");
}

#[test]
fn a_checkpoint_that_is_not_the_logs_is_not_remembered() {
    let dir = temporary();
    let log = long().log();
    write(&log, &dir.path().join("log"));
    let path = dir.path().join("log/checkpoint");
    let right = fs::read_to_string(&path).unwrap();
    let stranger = Signer::from_seed(ORIGIN.parse().unwrap(), &[8; 32]);
    let forged = log.checkpoint(150).unverified().clone().sign(&stranger);
    fs::write(&path, forged.unwrap().to_string()).unwrap();
    let cached = ["--cache", "cache"];
    let (exit, out, _) = audit(dir.path(), &cached);
    assert_eq!(exit, 1);
    assert!(out.contains("checkpoint-not-signed"), "{out}");
    fs::write(&path, right).unwrap();
    let (exit, out, _) = audit(dir.path(), &cached);
    assert_eq!(exit, 0, "{out}");
}

#[test]
fn what_an_earlier_audit_saw_is_remembered() {
    let dir = temporary();
    let log = long().log();
    write(&log, &dir.path().join("log"));
    let cached = ["--cache", "cache"];
    assert_eq!(audit(dir.path(), &cached).0, 0);
    assert_eq!(audit(dir.path(), &cached).0, 0);
    // The log is told anew, consistent in itself.
    let mut changed = log.clone();
    let place = changed.find(joined(152));
    if let Event::Joined { id, .. } = changed.change(place) {
        *id = commitment("friend");
    }
    changed.assert_honest();
    fs::remove_dir_all(dir.path().join("log")).unwrap();
    write(&changed, &dir.path().join("log"));
    let (exit, out, _) = audit(dir.path(), &cached);
    assert_eq!(exit, 1);
    assert!(out.contains("two-versions"), "{out}");
}

#[test]
fn a_tile_that_changed_on_the_disk_condemns_nobody() {
    let dir = temporary();
    write(&long().log(), &dir.path().join("log"));
    let cached = ["--cache", "cache"];
    assert_eq!(audit(dir.path(), &cached).0, 0);
    let tile = dir.path().join("cache/tile/entries/000");
    let mut bytes = fs::read(&tile).unwrap();
    bytes[40] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let (exit, out, error) = audit(dir.path(), &cached);
    assert_eq!(exit, 0, "{out}{error}");
}

#[test]
fn a_ticket_is_held_against_the_log() {
    let dir = temporary();
    let log = long().log();
    let entry = log.find(joined(153));
    let statement = TicketStatement {
        origin: ORIGIN.parse().unwrap(),
        ticket: ticket(153),
        commitment: commitment("carol"),
        entry: entry as u64,
        leaf: Hex32(leaf_hash(log.entries[entry].to_bytes()).0),
        at: log.entries[entry].at,
    };
    let signed = Statement::Ticket(statement).sign(&signer()).unwrap();
    let keepsake = Keepsake {
        v: KEEPSAKE_VERSION,
        server: "https://ceremony.example.org".to_owned(),
        origin: ORIGIN.to_owned(),
        log_key: signer().verifier_key().to_string(),
        identity: person("carol"),
        nonce: Some(Hex32(blinding().nonce(&person("carol")))),
        stays: vec![KeptStay {
            ticket: signed.to_string(),
            checkpoint: None,
            waiting: None,
            ready: None,
        }],
        refusals: Vec::new(),
        checkpoint: None,
        receipt: None,
    };
    fs::write(dir.path().join("carol.json"), keepsake.to_json()).unwrap();
    write(&log, &dir.path().join("log"));
    let (exit, out, _) = audit(dir.path(), &["--ticket", "carol.json"]);
    assert_eq!(exit, 0, "{out}");
    assert!(out.contains("what 1 participant kept"), "{out}");
    let mut without = log.clone();
    without.entries.remove(entry);
    write(&without, &dir.path().join("log"));
    let (exit, out, _) = audit(dir.path(), &["--ticket", "carol.json"]);
    assert_eq!(exit, 1);
    assert!(out.contains("entries-missing"), "{out}");
}

/// A real transcript, and the log of its ceremony.
fn ceremony() -> (Transcript, Log) {
    let transcript = transcript("16:4,32:4", 3);
    let mut story = Story::new(Rules::default());
    for number in 1..=3 {
        let id = identity(number);
        story.join_as(&id).contribute_as(&id);
    }
    story.mode(Mode::Draining);
    let mut log = story.log();
    let document = transcript.write(Vec::new(), Format::Json).unwrap();
    let mut accepted = Vec::new();
    read_witnesses(document.as_slice(), |entry| {
        let parts = entry.parts.iter().map(|part| WitnessPart {
            running_product: part.running_product.as_ref().unwrap(),
            pot_pubkey: part.pot_pubkey.as_ref().unwrap(),
            bls_signature: part.bls_signature.as_ref().map(|it| &it[..]),
        });
        let id = identity(entry.number as u8);
        let ecdsa = entry.ecdsa_signature.as_ref().map(|it| &it[..]);
        accepted.push(Accepted {
            number: entry.number,
            digest: Hex32(witness_digest(entry.number, &id, parts, ecdsa)),
            nonce: Hex32(blinding().nonce(&id)),
        });
    })
    .unwrap();
    let ends = log.entries.iter_mut().filter(|it| it.accepted.is_some());
    ends.zip(&accepted)
        .for_each(|(end, it)| end.accepted = Some(*it));
    (transcript, log)
}

#[test]
fn a_transcript_is_held_against_the_log() {
    let dir = temporary();
    let (transcript, log) = ceremony();
    write(&log, &dir.path().join("log"));
    let forms = [
        ("t.json", Format::Json),
        ("t.msgpack", Format::MessagePack(Encoding::Uncompressed)),
    ];
    for (name, format) in forms {
        let document = transcript.write(Vec::new(), format).unwrap();
        fs::write(dir.path().join(name), document).unwrap();
        let (exit, out, error) = audit(dir.path(), &["--transcript", name]);
        assert_eq!(exit, 0, "{name}: {out}{error}");
        assert!(out.contains("a transcript of 3 contributions"), "{out}");
    }
    // Another ceremony's transcript, by the same people.
    let other = crate::common::transcript("16:4,32:4", 3);
    let document = other.write(Vec::new(), Format::Json).unwrap();
    fs::write(dir.path().join("t.json"), document).unwrap();
    let (exit, out, _) = audit(dir.path(), &["--transcript", "t.json", "--json"]);
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((exit, report["transcript"].as_u64()), (1, Some(3)));
    assert_eq!(report["violations"][0]["kind"], "contribution-differs");
}

#[test]
fn a_log_that_cannot_be_read_exits_with_3() {
    let dir = temporary();
    assert_eq!(audit(dir.path(), &[]).0, 3);
    write(&long().log(), &dir.path().join("log"));
    let bundle = dir.path().join("log/tile/entries/000");
    let bytes = fs::read(&bundle).unwrap();
    fs::write(&bundle, &bytes[..bytes.len() - 1]).unwrap();
    let (exit, _, error) = audit(dir.path(), &[]);
    assert_eq!(exit, 3, "{error}");
    assert!(error.contains("the bundle ends within entry"), "{error}");
    fs::write(dir.path().join("ticket"), "no JSON").unwrap();
    assert_eq!(audit(dir.path(), &["--ticket", "ticket"]).0, 1);
    // A server that shows fewer entries than it has signed for.
    fs::remove_file(bundle).unwrap();
    let (exit, _, error) = audit(dir.path(), &[]);
    assert_eq!(exit, 1);
    assert!(
        error.contains("has signed a checkpoint for more entries"),
        "{error}"
    );
}
