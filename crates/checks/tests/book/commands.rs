//! The flags, verbs and variables that the programs take, told from their sources.

use std::collections::BTreeSet;

use proc_macro2::TokenTree;
use syn::visit::{self, Visit};
use tauline_checks::{root, rust_files};

/// Where the programs say what they take.
const FOLDERS: [&str; 2] = ["crates/cli/src", "crates/server/src"];

/// Flags that every program has.
const BUILT_IN: [&str; 2] = ["help", "version"];

/// Flags of other programs that documents name: of Cargo, of examples, of curl and systemd.
const OF_OTHERS: [&str; 14] = [
    "audit",
    "bin",
    "create-dirs",
    "example",
    "locked",
    "make",
    "nightly",
    "open",
    "path",
    "profile",
    "release",
    "runtime",
    "since",
    "workspace",
];

/// What the programs take.
#[derive(Debug, Default)]
pub(crate) struct Known {
    pub(crate) flags: BTreeSet<String>,
    pub(crate) verbs: BTreeSet<String>,
    pub(crate) variables: BTreeSet<String>,
}

impl Known {
    /// Of the programs as they are.
    pub(crate) fn read() -> Self {
        let mut known = Self::default();
        let folders = FOLDERS.iter().map(|folder| root().join(folder));
        for file in folders.flat_map(|folder| rust_files(&folder)) {
            let text = std::fs::read_to_string(&file).unwrap();
            known.visit_file(&syn::parse_file(&text).unwrap());
        }
        let others = BUILT_IN.iter().chain(&OF_OTHERS);
        known.flags.extend(others.map(|flag| (*flag).to_owned()));
        // The release script takes flags of its own.
        let release = std::fs::read_to_string(root().join(".ci/release")).unwrap();
        known
            .flags
            .extend(release.split_whitespace().flat_map(flags_in));
        known
    }

    /// What a piece of code names that no program takes: flags, verbs, variables.
    pub(crate) fn unknown_in(&self, code: &str) -> Vec<String> {
        let mut unknown = Vec::new();
        let words: Vec<&str> = code.split_whitespace().collect();
        for (at, word) in words.iter().enumerate() {
            for flag in flags_in(word) {
                if !self.flags.contains(&flag) {
                    unknown.push(format!("--{flag}"));
                }
            }
            for variable in variables_in(word) {
                if !self.variables.contains(variable) {
                    unknown.push(variable.to_owned());
                }
            }
            let is_program = matches!(*word, "tauline" | "admin" | "invites");
            let verb = words.get(at + 1).filter(|next| is_verb(next));
            if let Some(verb) = verb.filter(|_| is_program)
                && !self.verbs.contains(*verb)
            {
                unknown.push(format!("{word} {verb}"));
            }
        }
        unknown
    }
}

impl<'ast> Visit<'ast> for Known {
    fn visit_field(&mut self, field: &'ast syn::Field) {
        for tokens in arguments(&field.attrs, "arg") {
            if let Some(long) = value_of(&tokens, "long") {
                let own = field.ident.as_ref().map(|name| kebab(&name.to_string()));
                self.flags.extend(long.or(own));
            }
            self.variables.extend(value_of(&tokens, "env").flatten());
        }
        visit::visit_field(self, field);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        let derives = arguments(&item.attrs, "derive");
        let is_named = |token: &TokenTree| token.to_string() == "Subcommand";
        if derives.iter().flatten().any(is_named) {
            let names = item.variants.iter().map(|it| kebab(&it.ident.to_string()));
            self.verbs.extend(names);
        }
        visit::visit_item_enum(self, item);
    }
}

/// The tokens within each attribute of this name.
fn arguments(attributes: &[syn::Attribute], name: &str) -> Vec<Vec<TokenTree>> {
    let lists = attributes.iter().filter_map(|attribute| {
        let list = attribute.meta.require_list().ok()?;
        list.path.is_ident(name).then_some(list)
    });
    lists
        .map(|list| list.tokens.clone().into_iter().collect())
        .collect()
}

/// Whether a word stands among the tokens, and the text that it is set to, if it is set to one.
fn value_of(tokens: &[TokenTree], word: &str) -> Option<Option<String>> {
    let at = tokens.iter().position(|token| match token {
        TokenTree::Ident(ident) => ident == word,
        _ => false,
    })?;
    let is_set = matches!(tokens.get(at + 1), Some(TokenTree::Punct(it)) if it.as_char() == '=');
    let value = tokens.get(at + 2).filter(|_| is_set);
    Some(value.map(|value| value.to_string().trim_matches('"').to_owned()))
}

/// `LongName` or `long_name` as a command line has it, `long-name`.
fn kebab(name: &str) -> String {
    let mut kebab = String::new();
    for (at, c) in name.char_indices() {
        if c.is_uppercase() && at > 0 {
            kebab.push('-');
        }
        kebab.extend(c.to_lowercase());
    }
    kebab.replace('_', "-")
}

/// The flags in a word, without their dashes. Flags with a point in them are none of ours.
fn flags_in(word: &str) -> Vec<String> {
    let pieces = word.split(['`', ',', ';', '(', ')', '|', '"', '\'', '[', ']', '{', '}']);
    let names = pieces.filter_map(|piece| piece.strip_prefix("--"));
    let names = names.filter_map(|name| name.split('=').next());
    names
        .filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic()))
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-'))
        .map(str::to_owned)
        .collect()
}

/// The names of variables of ours in a word.
fn variables_in(word: &str) -> Vec<&str> {
    let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    word.split(|c: char| !is_part(c))
        .filter(|name| name.starts_with("TAULINE_") && !name.ends_with('_'))
        .collect()
}

/// Whether a word can be a verb: small letters, perhaps with dashes within.
fn is_verb(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

#[test]
fn what_the_programs_take_is_found() {
    let known = Known::read();
    for flag in [
        "public-url",
        "coordinator-address",
        "at",
        "reason",
        "config",
    ] {
        assert!(known.flags.contains(flag), "{flag}: {:?}", known.flags);
    }
    for verb in ["contribute", "verify-powers", "rotate-key", "revoke"] {
        assert!(known.verbs.contains(verb), "{verb}: {:?}", known.verbs);
    }
    for variable in ["TAULINE_DATA_DIR", "TAULINE_SERVER"] {
        assert!(known.variables.contains(variable), "{:?}", known.variables);
    }
}

#[test]
fn what_no_program_takes_is_found() {
    let known = Known::read();
    let code = "tauline contribute --server=URL --sever URL [--log KEY] | tauline verfy t.json\n\
                TAULINE_DATADIR=x tauline admin pause; geth --rpc.gascap; tauline admin stop; tauline -h";
    assert_eq!(
        known.unknown_in(code),
        ["--sever", "tauline verfy", "TAULINE_DATADIR"]
    );
    assert_eq!(known.unknown_in("tauline admin stop now"), ["admin stop"]);
}
