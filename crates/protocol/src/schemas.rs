//! What the OpenAPI document says of types whose text has a form of its own, and examples.
//!
//! The examples are the golden files, which the tests hold against the types.

use std::borrow::Cow;

use serde_json::Value;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::commitment::Hex32;
use crate::notice::SuccessorKey;

/// Stands for [`Identity`](crate::Identity).
pub struct Identity;

/// Stands for the text of an Ethereum address.
pub struct EthAddress;

/// A type whose text has a form.
macro_rules! text {
    ($type:ident, $name:literal, $about:literal, $pattern:literal, $example:literal) => {
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                text($about, $pattern, $example)
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed($name)
            }
        }
    };
}

text!(
    Identity,
    "Identity",
    "A participant, in the one spelling of its identity: `eth|` and an address in lower case, `git|`, the number of \
     a GitHub account, `|` and its login, or `invite|` and the name of an invited party.",
    r"^(eth\|0x[0-9a-f]{40}|git\|[0-9]+\|@?[A-Za-z0-9_-]+|invite\|[^|]{1,64})$",
    "eth|0x00000000219ab540356cbb839cbe05303d7705fa"
);
text!(
    EthAddress,
    "EthAddress",
    "An Ethereum address with the capitals of EIP-55.",
    "^0x[0-9A-Fa-f]{40}$",
    "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
);
text!(
    Hex32,
    "Hex32",
    "32 bytes, as lower-case hex digits.",
    "^[0-9a-f]{64}$",
    "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
);
text!(
    SuccessorKey,
    "SuccessorKey",
    "A coordinator's public key: a compressed point of secp256k1, as lower-case hex digits.",
    "^0[23][0-9a-f]{64}$",
    "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
);

fn text(about: &str, pattern: &str, example: &str) -> RefOr<Schema> {
    let object = ObjectBuilder::new()
        .schema_type(Type::String)
        .description(Some(about))
        .pattern(Some(pattern))
        .examples([example]);
    object.build().into()
}

/// Examples out of the golden files.
macro_rules! examples {
    ($($name:ident = $file:literal;)+) => {
        $(
            #[doc = concat!("The example in `", $file, "`.")]
            ///
            /// # Panics
            /// Never: the file is JSON, as a test shows.
            #[must_use]
            pub fn $name() -> Value {
                example(include_str!(concat!("../tests/golden/", $file, ".json")))
            }
        )+

        #[cfg(test)]
        const ALL: &[fn() -> Value] = &[$($name,)+];
    };
}

examples! {
    abort = "abort";
    auth_answer = "auth-answer";
    auth_links = "auth-links";
    ceremony_status_moved = "ceremony-status-moved";
    ceremony_status_recent = "ceremony-status-recent";
    contribution = "contribution";
    contribution_carried_over = "contribution-carried-over";
    contributions_piece = "contributions-piece";
    error = "error";
    error_moved = "error-moved";
    found = "found";
    login_answer = "login-answer";
    login_github = "login-github";
    login_invite = "login-invite";
    login_siwe = "login-siwe";
    nonce = "nonce";
    probe = "probe";
    queue_status_contributed = "queue-status-contributed";
    queue_status_waiting = "queue-status-waiting";
    signed_receipt = "signed-receipt";
    start = "start";
}

#[expect(clippy::expect_used, reason = "the file is a part of the program")]
fn example(text: &str) -> Value {
    serde_json::from_str(text).expect("an example is JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_json() {
        for example in ALL {
            assert!(example().is_object());
        }
    }
}
