//! Whatever bytes arrive as a contribution, decoding never panics, and what it accepts is written
//! and read back unchanged.

#![no_main]

use libfuzzer_sys::fuzz_target;
use tauline_transcript::contribution::RawContribution;
use tauline_transcript::encoding::Encoding;
use tauline_transcript::powers::Base;
use tauline_transcript::sizes::Sizes;

fuzz_target!(|bytes: &[u8]| {
    let sizes: Sizes = "4:2,8:3".parse().expect("these are sizes");
    if let Ok(document) = RawContribution::from_json(bytes) {
        // Points that do not decode have no other encoding: only then may writing fail.
        if let Ok(json) = document.to_json() {
            let again = RawContribution::from_json(&json).expect("what was written is readable");
            assert_eq!(again.to_json().expect("it was written before"), json);
        }
        let _ = Base::decode(&document, &sizes);
    }
    if let Ok(document) = RawContribution::from_msgpack(bytes) {
        for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
            if let Ok(packed) = document.to_msgpack(encoding) {
                let again =
                    RawContribution::from_msgpack(&packed).expect("what was written is readable");
                assert_eq!(
                    again.to_msgpack(encoding).expect("it was written before"),
                    packed
                );
            }
        }
        let _ = Base::decode(&document, &sizes);
    }
});
