//! The forms and compressions in which documents go out.

/// The form of a base document (`docs/spec/ceremony.md#base`, `docs/spec/ceremony.md#msgpack`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Form {
    /// JSON with compressed points in hex.
    Json,
    /// MessagePack with compressed points.
    Msgpack,
    /// MessagePack with uncompressed points.
    MsgpackUncompressed,
}

impl Form {
    /// All forms.
    pub const ALL: [Self; 3] = [Self::Json, Self::Msgpack, Self::MsgpackUncompressed];

    /// The value of `Content-Type`.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Msgpack => "application/msgpack",
            Self::MsgpackUncompressed => "application/msgpack; points=uncompressed",
        }
    }
}

/// Level of gzip and zstd. Hex digits compress to a little over half at any level; higher ones only
/// cost time, once a contribution.
pub(crate) const COMPRESSION_LEVEL: u32 = 3;

/// The compression of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Coding {
    /// None.
    Identity,
    /// `gzip`.
    Gzip,
    /// `zstd`.
    Zstd,
}

impl Coding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Identity, Self::Gzip, Self::Zstd];

    /// The value of `Content-Encoding`; none for no compression.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::Identity => None,
            Self::Gzip => Some("gzip"),
            Self::Zstd => Some("zstd"),
        }
    }
}
