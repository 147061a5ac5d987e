//! Tables of error codes: enums that are defined by their rows.

/// An enum of codes. A row is `Name = "code", status;` below its documentation.
macro_rules! codes {
    (
        $(#[doc = $about:literal])+
        $table:ident
        $($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal;)+
    ) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $table {
            $($(#[doc = $doc])+ $name,)+
        }

        impl $table {
            /// All codes, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$name,)+];

            /// The code as it stands in an error's body.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The HTTP status that goes with the code.
            #[must_use]
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ }
            }
        }
    };
}

/// Like [`codes`], with a text for each code: a row is `Name = "code", status, "text";`. The
/// function that returns the text is named before the rows.
macro_rules! codes_with_texts {
    (
        $(#[doc = $about:literal])+
        $table:ident
        $(#[doc = $of_text:literal])+
        fn $text_of:ident
        $($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal, $text:literal;)+
    ) => {
        $crate::codes::codes! {
            $(#[doc = $about])+
            $table
            $($(#[doc = $doc])+ $name = $code, $status;)+
        }

        impl $table {
            $(#[doc = $of_text])+
            #[must_use]
            pub fn $text_of(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

pub(crate) use {codes, codes_with_texts};
