//! Contributions that are decoded while they arrive: in whatever pieces, they are the documents,
//! the errors and the verdicts of contributions that are there at once.

use std::io::{self, Read};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use rand::{CryptoRng, Rng, RngCore};
use rand_chacha::ChaCha20Rng;
use rayon::ThreadPool;
use tauline_transcript::{
    Base, DocumentError, Encoding, Foundation, Invalid, RawContribution, ReceiveError, Received,
    SecureRandom, Sizes, Verified, verify_on, verify_received,
};

use crate::fixtures::{
    check, contribution, g1, g2, next_turn, raw, rng, set_bytes, set_point, sizes, small_order_g1,
    small_order_g2, swap_points,
};

#[derive(Clone, Copy, Debug)]
enum Form {
    Json,
    Msgpack,
}

impl Form {
    fn at_once(self, bytes: &[u8]) -> Result<RawContribution, DocumentError> {
        match self {
            Self::Json => RawContribution::from_json(bytes),
            Self::Msgpack => RawContribution::from_msgpack(bytes),
        }
    }

    fn arriving(
        self,
        from: impl Read,
        sizes: &Sizes,
        rng: &mut dyn SecureRandom,
    ) -> Result<Received, ReceiveError> {
        match self {
            Self::Json => Received::from_json(from, sizes, pool(), rng),
            Self::Msgpack => Received::from_msgpack(from, sizes, pool(), rng),
        }
    }

    /// Read for who only keeps it.
    fn undecoded(self, from: impl Read) -> Result<Received, ReceiveError> {
        match self {
            Self::Json => Received::undecoded_json(from),
            Self::Msgpack => Received::undecoded_msgpack(from),
        }
    }

    fn write(self, document: &RawContribution) -> Vec<u8> {
        match self {
            Self::Json => document.to_json().unwrap(),
            Self::Msgpack => document.to_msgpack(document.encoding()).unwrap(),
        }
    }
}

fn pool() -> &'static ThreadPool {
    static POOL: OnceLock<ThreadPool> = OnceLock::new();
    let two_threads = || rayon::ThreadPoolBuilder::new().num_threads(2).build();
    POOL.get_or_init(|| two_threads().unwrap())
}

/// Bytes in pieces of random lengths, some of them interrupted.
struct Pieces<'a> {
    bytes: &'a [u8],
    longest: usize,
    rng: ChaCha20Rng,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.rng.gen_ratio(1, 16) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let longest = self.longest.min(buffer.len()).min(self.bytes.len());
        if longest == 0 {
            return Ok(0);
        }
        let len = self.rng.gen_range(1..=longest);
        let (piece, rest) = self.bytes.split_at(len);
        buffer[..len].copy_from_slice(piece);
        self.bytes = rest;
        Ok(len)
    }
}

fn pieces(bytes: &[u8], longest: usize, seed: u64) -> Pieces<'_> {
    Pieces {
        bytes,
        longest,
        rng: rng(seed),
    }
}

/// What there is to see of a verdict.
fn seen(verdict: Result<Verified, Invalid>) -> Result<impl PartialEq + std::fmt::Debug, Invalid> {
    verdict.map(Verified::into_parts)
}

/// Checks that a document in its pieces is what it is at once, and its verdict too.
fn assert_no_difference(base: &Base, form: Form, document: &RawContribution, seed: u64) {
    let bytes = form.write(document);
    let from = pieces(&bytes, 1 << (seed % 14), seed);
    let received = form.arriving(from, base.sizes(), &mut rng(seed)).unwrap();
    assert_eq!(received.document(), document, "seed {seed}");
    let verdict = verify_received(base, received, &mut rng(seed));
    assert_eq!(
        seen(verdict),
        seen(check(base, document)),
        "{form:?}, seed {seed}"
    );
    // Who keeps it first, and has of the base what was accepted.
    let kept = form.undecoded(pieces(&bytes, 1 << (seed % 14), seed));
    let kept = kept.unwrap();
    assert_eq!(kept.document(), document, "seed {seed}");
    let before = base.to_raw(Encoding::Compressed);
    let foundation = Foundation::decode(&before, base.sizes()).unwrap();
    assert_eq!(foundation, Foundation::of(base));
    let verdict = verify_on(&foundation, kept, &mut rng(seed));
    if let Err(invalid) = &verdict {
        let told = serde_json::to_string(invalid).unwrap();
        assert_eq!(serde_json::from_str::<Invalid>(&told).unwrap(), *invalid);
    }
    assert_eq!(seen(verdict), seen(check(base, document)), "seed {seed}");
}

#[test]
fn what_is_accepted_is_the_next_base_without_a_point_decoded() {
    let (base, document) = next_turn("16:4,32:4");
    let verified = check(&base, &document).unwrap();
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        let came = document.to_encoding(encoding).unwrap();
        assert_eq!(came.to_base(), verified.base().to_raw(Encoding::Compressed));
    }
}

#[test]
fn good_contributions_come_out_the_same() {
    // Lists of less than a batch, of whole batches, and of one point more.
    for (seed, sizes) in (0..).zip(["4:2,8:3", "1024:2,2048:65", "1025:1024,3000:1025"]) {
        let (base, document) = next_turn(sizes);
        assert!(check(&base, &document).is_ok());
        assert_no_difference(&base, Form::Json, &document, seed);
        assert_no_difference(&base, Form::Msgpack, &document, seed + 10);
        let uncompressed = document.to_encoding(Encoding::Uncompressed).unwrap();
        assert_no_difference(&base, Form::Msgpack, &uncompressed, seed + 20);
    }
}

#[test]
fn bad_contributions_are_blamed_for_the_same() {
    let sizes = "1500:3,2500:5";
    let (base, good) = next_turn(sizes);
    type Spoil<'a> = &'a dyn Fn(&mut RawContribution);
    let spoil: &[(&str, Spoil<'_>)] = &[
        ("a sub-ceremony too few", &|it| {
            it.sub_contributions.pop();
        }),
        ("a sub-ceremony too many", &|it| {
            it.sub_contributions.push(it.sub_contributions[0].clone());
        }),
        ("sub-ceremonies swapped", &|it| {
            it.sub_contributions.swap(0, 1)
        }),
        ("another number stated", &|it| {
            it.sub_contributions[1].num_g2_powers = 6;
        }),
        ("undecodable points in two batches and in G2", &|it| {
            let powers = &mut it.sub_contributions[1].powers;
            set_bytes(&mut powers.g1, 2400, &[0xff; 48]);
            set_bytes(&mut powers.g1, 1024, &[0; 48]);
            set_bytes(&mut powers.g2, 0, &[0; 96]);
        }),
        ("an undecodable point in G2 alone", &|it| {
            set_bytes(&mut it.sub_contributions[0].powers.g2, 2, &[0x80; 96]);
        }),
        ("an undecodable point after a wrong power", &|it| {
            swap_points(&mut it.sub_contributions[0].powers.g1, 70, 71);
            set_bytes(&mut it.sub_contributions[1].powers.g1, 5, &[0; 48]);
        }),
        ("an undecodable key", &|it| {
            let bad = tauline_transcript::RawPoint::from_bytes(vec![0; 96]).unwrap();
            it.sub_contributions[1].pot_pubkey = bad;
        }),
        ("a point of order 3", &|it| {
            set_point(
                &mut it.sub_contributions[0].powers.g1,
                1300,
                &small_order_g1(3),
            );
        }),
        ("a point of order 13 in G2", &|it| {
            set_point(&mut it.sub_contributions[1].powers.g2, 4, &small_order_g2());
        }),
        ("another first power", &|it| {
            set_point(&mut it.sub_contributions[1].powers.g1, 0, &g1(5));
        }),
        ("another key", &|it| {
            it.sub_contributions[0].pot_pubkey = raw(&g2(99));
        }),
        ("powers swapped", &|it| {
            swap_points(&mut it.sub_contributions[1].powers.g1, 2001, 2000);
        }),
        ("powers in G2 swapped", &|it| {
            swap_points(&mut it.sub_contributions[1].powers.g2, 2, 3);
        }),
    ];
    for (seed, (name, spoil)) in (0..).zip(spoil) {
        let mut document = good.clone();
        spoil(&mut document);
        println!("{name}: {}", check(&base, &document).unwrap_err());
        assert_no_difference(&base, Form::Json, &document, seed);
        assert_no_difference(&base, Form::Msgpack, &document, seed + 100);
    }
    let unchanged = base.to_raw(Encoding::Compressed);
    assert_no_difference(&base, Form::Json, &unchanged, 50);
}

#[test]
fn a_document_that_was_read_before_is_verified_the_same_way() {
    let (base, document) = next_turn("16:4,32:4");
    let verdict = verify_received(&base, document.clone().into(), &mut rng(1));
    assert_eq!(seen(verdict), seen(check(&base, &document)));
}

/// One change to a document's bytes: some hit the structure, most a point.
fn mutate(bytes: &mut Vec<u8>, rng: &mut ChaCha20Rng) {
    let signs = br#"{}[]",:0xaF\ u1ntz"#;
    let at = rng.gen_range(0..bytes.len());
    match rng.gen_range(0..7) {
        0 => bytes[at] ^= 1 << rng.gen_range(0..8),
        1 => bytes[at] = signs[rng.gen_range(0..signs.len())],
        2 => bytes.truncate(at),
        3 => bytes.insert(at, signs[rng.gen_range(0..signs.len())]),
        4 => drop(bytes.remove(at)),
        5 => bytes.insert(at, rng.r#gen()),
        _ => {
            let end = rng.gen_range(at..=bytes.len().min(at + 300));
            let copy = bytes[at..end].to_vec();
            let to = rng.gen_range(0..=bytes.len());
            bytes.splice(to..to, copy);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn spoilt_bytes_have_the_same_document_or_the_same_error(
        seed: u64,
        form in prop_oneof![Just(Form::Json), Just(Form::Msgpack)],
        mutations in 1..4_usize,
        longest in 1..200_usize,
    ) {
        let golden: &[&[u8]] = match form {
            Form::Json => &[
                include_bytes!("../golden/contribution.json"),
                // Other names, fields to be ignored, a line for each value.
                br#"{"subContributions": [
{"numG1Powers": 1, "numG2Powers": 0, "extra": {"a": [1.5e3, null, "\u00e9\n"]}, "bls_signature": "",
"powersOfTau": {"G2Powers": [], "G1Powers":
["0xc00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000"]},
"potPubkey": "0x93e02b6052719f607dacd3a088274f65596bd0d09920b61ab5da61bbdc7f5049334cf11213945d57e5ac7d055d042b7e024aa2b2f08f0a91260805272dc51051c6e47ad4fa403b02b4510b647ae3d1770bac0326a805bbefd48056c8c121bdb8"
}], "ecdsaSignature": null}"#,
            ],
            Form::Msgpack => &[
                include_bytes!("../golden/contribution.compressed.msgpack"),
                include_bytes!("../golden/contribution.uncompressed.msgpack"),
            ],
        };
        let mut rng = rng(seed);
        let mut bytes = golden[rng.gen_range(0..golden.len())].to_vec();
        for _ in 0..mutations {
            mutate(&mut bytes, &mut rng);
            if bytes.is_empty() {
                break;
            }
        }
        let at_once = form.at_once(&bytes);
        let kept = form.undecoded(pieces(&bytes, longest, seed));
        match (&kept, &at_once) {
            (Ok(kept), Ok(document)) => prop_assert_eq!(kept.document(), document),
            (Err(ReceiveError::Document(error)), Err(at_once)) => prop_assert_eq!(error, at_once),
            _ => prop_assert!(false, "{kept:?} is not {at_once:?}"),
        }
        let from = pieces(&bytes, longest, seed);
        match (form.arriving(from, &sizes("4:2,8:3"), &mut rng), at_once) {
            (Ok(received), Ok(document)) => prop_assert_eq!(received.document(), &document),
            (Err(ReceiveError::Document(error)), Err(at_once)) => {
                prop_assert_eq!(error, at_once);
            }
            (received, at_once) => prop_assert!(false, "{received:?} is not {at_once:?}"),
        }
    }
}

/// Bytes, then an error.
struct BreaksOff<'a>(&'a [u8]);

impl Read for BreaksOff<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::Error::other("the cable")),
            read => Ok(read),
        }
    }
}

#[test]
fn a_stream_that_fails_outranks_what_is_wrong_with_the_document() {
    let sizes = sizes("4:2,8:3");
    let good = Form::Json.write(&contribution(&Base::initial(&sizes), 17));
    let msgpack = include_bytes!("../golden/contribution.compressed.msgpack");
    let cases: [(Form, &[u8]); 6] = [
        (Form::Json, &good[..1000]),
        (Form::Json, &good),
        (Form::Json, b"[this is no document"),
        (Form::Msgpack, &msgpack[..1000]),
        (Form::Msgpack, msgpack),
        (Form::Msgpack, b"nor is this"),
    ];
    for (form, bytes) in cases {
        let decoded = form.arriving(BreaksOff(bytes), &sizes, &mut rng(1));
        for read in [decoded, form.undecoded(BreaksOff(bytes))] {
            match read.map(|_| ()) {
                Err(ReceiveError::Read(error)) => assert_eq!(error.to_string(), "the cable"),
                other => panic!("{form:?}: {other:?}"),
            }
        }
    }
}

/// Counts how often it is drawn from.
struct Counting<'a>(ChaCha20Rng, &'a AtomicUsize);

impl RngCore for Counting<'_> {
    fn next_u32(&mut self) -> u32 {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.next_u32()
    }

    fn next_u64(&mut self) -> u64 {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.next_u64()
    }

    fn fill_bytes(&mut self, bytes: &mut [u8]) {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.fill_bytes(bytes);
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), rand::Error> {
        self.fill_bytes(bytes);
        Ok(())
    }
}

impl CryptoRng for Counting<'_> {}

/// Looks at the draws before each piece.
struct Looking<'a> {
    bytes: &'a [u8],
    draws: &'a AtomicUsize,
    seen: &'a mut Vec<(usize, usize)>,
    at: usize,
}

impl Read for Looking<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.seen.push((self.at, self.draws.load(Ordering::SeqCst)));
        let len = self.bytes[self.at..].len().min(buffer.len()).min(100);
        buffer[..len].copy_from_slice(&self.bytes[self.at..][..len]);
        self.at += len;
        Ok(len)
    }
}

#[test]
fn a_sub_ceremony_is_summed_when_its_last_power_is_there_and_no_earlier() {
    let sizes = sizes("4:2,8:3,16:4");
    let bytes = Form::Json.write(&contribution(&Base::initial(&sizes), 17));
    let text = String::from_utf8(bytes.clone()).unwrap();
    let ends: Vec<usize> = text
        .match_indices("],\"G2Powers\"")
        .map(|it| it.0)
        .collect();
    assert_eq!(ends.len(), 3);
    let (draws, mut seen) = (AtomicUsize::new(0), Vec::new());
    let looking = Looking {
        bytes: &bytes,
        draws: &draws,
        seen: &mut seen,
        at: 0,
    };
    Form::Json
        .arriving(looking, &sizes, &mut Counting(rng(1), &draws))
        .unwrap();
    for (at, drawn) in seen {
        let complete = ends.iter().filter(|end| **end < at).count();
        assert_eq!(drawn, complete, "after {at} bytes");
    }
}

/// A network that is slower than a pool of one thread: each piece comes when the pool has nothing to do.
struct Slow<'a> {
    bytes: &'a [u8],
    pool: &'a ThreadPool,
}

impl Read for Slow<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Behind everything that was handed to the thread before.
        self.pool.install(|| ());
        let len = self.bytes.len().min(buffer.len()).min(1 << 15);
        buffer[..len].copy_from_slice(&self.bytes[..len]);
        self.bytes = &self.bytes[len..];
        Ok(len)
    }
}

/// Reads from a slow network; also gives how often digits were drawn.
fn slowly(form: Form, bytes: &[u8], sizes: &Sizes) -> (Received, usize) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    let draws = AtomicUsize::new(0);
    let mut counting = Counting(rng(1), &draws);
    let from = Slow { bytes, pool: &pool };
    let received = match form {
        Form::Json => Received::from_json(from, sizes, &pool, &mut counting),
        Form::Msgpack => Received::from_msgpack(from, sizes, &pool, &mut counting),
    };
    (received.unwrap(), draws.load(Ordering::SeqCst))
}

#[test]
fn a_long_list_is_summed_in_stretches_if_the_network_is_slow() {
    // 8192 is two stretches to the point; 13000 has some points more than three.
    let (base, good) = next_turn("5:2,8192:3,13000:3");
    type Spoil<'a> = &'a dyn Fn(&mut RawContribution);
    let spoil: &[(&str, Spoil<'_>)] = &[
        ("nothing", &|_| ()),
        ("a point of order 3 in the first stretch", &|it| {
            set_point(
                &mut it.sub_contributions[2].powers.g1,
                7,
                &small_order_g1(3),
            );
        }),
        ("a point of order 3 in two stretches", &|it| {
            set_point(
                &mut it.sub_contributions[2].powers.g1,
                4095,
                &small_order_g1(3),
            );
        }),
        ("a point of order 3 at the end", &|it| {
            set_point(
                &mut it.sub_contributions[2].powers.g1,
                12_999,
                &small_order_g1(3),
            );
        }),
        (
            "powers swapped where one stretch ends and another begins",
            &|it| {
                swap_points(&mut it.sub_contributions[1].powers.g1, 4095, 4096);
            },
        ),
        (
            "all powers of the second stretch and those after it of another secret",
            &|it| {
                let other = contribution(&Base::initial(base.sizes()), 99);
                for at in 4096..8192 {
                    let point = other.sub_contributions[1].powers.g1.iter().nth(at).unwrap();
                    set_bytes(&mut it.sub_contributions[1].powers.g1, at, point);
                }
            },
        ),
        ("undecodable points in two stretches", &|it| {
            set_bytes(&mut it.sub_contributions[2].powers.g1, 9000, &[0xff; 48]);
            set_bytes(&mut it.sub_contributions[2].powers.g1, 5000, &[0; 48]);
        }),
        ("the last power swapped with the one before", &|it| {
            swap_points(&mut it.sub_contributions[1].powers.g1, 8190, 8191);
        }),
    ];
    for (name, spoil) in spoil {
        let mut document = good.clone();
        spoil(&mut document);
        let at_once = seen(check(&base, &document));
        println!("{name}: {:?}", at_once.as_ref().err());
        assert_eq!(at_once.is_ok(), *name == "nothing");
        for form in [Form::Json, Form::Msgpack] {
            let (received, draws) = slowly(form, &form.write(&document), base.sizes());
            // One for the short list; two, perhaps with the last point for a third; three and a rest.
            assert!(
                (1 + 2 + 4..=1 + 3 + 4).contains(&draws),
                "{name}, {form:?}: {draws}"
            );
            assert_eq!(received.document(), &document);
            let verdict = verify_received(&base, received, &mut rng(1));
            assert_eq!(seen(verdict), at_once, "{name}, {form:?}");
        }
    }
}

#[test]
fn unusual_json_is_read_all_the_same() {
    let (base, good) = next_turn("4:2,8:3");
    let text = String::from_utf8(Form::Json.write(&good)).unwrap();
    let unusual = text
        .replacen("\"contributions\"", "\"\\u0063ontributions\"", 1)
        .replacen(
            "\"potPubkey\"",
            "\"extra\":[-1.5e3,\"\\n\"],\"potPubkey\"",
            1,
        );
    assert_ne!(text, unusual);
    let received = Form::Json.arriving(unusual.as_bytes(), base.sizes(), &mut rng(1));
    let received = received.unwrap();
    assert_eq!(received.document(), &good);
    assert!(verify_received(&base, received, &mut rng(1)).is_ok());
}

#[test]
fn lists_that_are_not_the_ceremonys_are_not_summed() {
    let bytes = Form::Json.write(&contribution(&Base::initial(&sizes("4:2,8:3")), 17));
    for other in ["4:3,9:3", "5:2,7:3", "3:2,16:3"] {
        let draws = AtomicUsize::new(0);
        let mut counting = Counting(rng(1), &draws);
        let received = Form::Json
            .arriving(&bytes[..], &sizes(other), &mut counting)
            .unwrap();
        let expected = usize::from(other.starts_with("4:"));
        assert_eq!(draws.load(Ordering::SeqCst), expected, "{other}");
        let base = Base::initial(&sizes(other));
        let verdict = verify_received(&base, received, &mut rng(1));
        assert_eq!(verdict.unwrap_err().code(), "Sizes", "{other}");
    }
}
