//! Who imports whom among the files of a package, and where that goes round in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::Visit;

use crate::modules::{ModulePath, Modules, for_tests, parse};

/// For each file the files that it takes names from, with those names.
pub type Graph = BTreeMap<PathBuf, BTreeMap<PathBuf, BTreeSet<String>>>;

/// The imports among the files of a package. A name belongs to the file that defines it, not to those that
/// hand it on; a file that hands on what its submodules define imports them.
///
/// # Errors
///
/// A file that cannot be read or is not Rust, with its name.
pub fn graph(modules: &Modules) -> Result<Graph, String> {
    let mut graph = Graph::new();
    let mut roots: BTreeMap<&PathBuf, &ModulePath> = BTreeMap::new();
    for (path, module) in modules {
        // The shortest path is the file's own; others are modules within it.
        roots.entry(&module.file).or_insert(path);
        for import in &module.imports {
            add(&mut graph, modules, path, &import.path);
        }
    }
    for (file, path) in roots {
        let mut paths = Paths {
            depth: 0,
            found: Vec::new(),
        };
        paths.visit_file(&parse(file)?);
        for (depth, segments) in paths.found {
            // Within a module of the same file, `super` leads to the file.
            let up = segments.iter().take_while(|name| *name == "super").count();
            add(&mut graph, modules, path, &segments[up.min(depth)..]);
        }
    }
    Ok(graph)
}

fn add(graph: &mut Graph, modules: &Modules, from: &ModulePath, path: &[String]) {
    let Some(to) = resolve(modules, from, path, 0) else {
        return;
    };
    let (from, to) = (&modules[from].file, &modules[&to].file);
    if from != to {
        let name = path.last().cloned().unwrap_or_default();
        let names = graph.entry(from.clone()).or_default();
        names.entry(to.clone()).or_default().insert(name);
    }
}

/// The module that defines what a path names, seen from the module `from`; nothing if that is another package's.
fn resolve(
    modules: &Modules,
    from: &ModulePath,
    path: &[String],
    depth: usize,
) -> Option<ModulePath> {
    // Names that are handed on in a ring.
    if depth > 32 {
        return None;
    }
    let mut at = from.clone();
    let mut segments = path.iter();
    let mut next = segments.next()?;
    match next.as_str() {
        "crate" => {
            at.clear();
            next = segments.next()?;
        }
        "self" => next = segments.next()?,
        "super" => {
            while next == "super" {
                at.pop()?;
                match segments.next() {
                    Some(after) => next = after,
                    None => return Some(at),
                }
            }
        }
        // The name of a submodule; everything else that begins a path is a package's, or is imported.
        name if modules.get(from)?.children.contains(name) => {}
        _ => return None,
    }
    loop {
        let module = modules.get(&at)?;
        if module.children.contains(next) {
            at.push(next.clone());
        } else if module.defined.contains(next) || next == "*" {
            return Some(at);
        } else {
            let rest: Vec<String> = segments.cloned().collect();
            return Some(handed_on(modules, &at, next, &rest, depth).unwrap_or(at));
        }
        match segments.next() {
            Some(after) => next = after,
            None => return Some(at),
        }
    }
}

/// Where a name comes from that a module hands on.
fn handed_on(
    modules: &Modules,
    at: &ModulePath,
    name: &str,
    rest: &[String],
    depth: usize,
) -> Option<ModulePath> {
    let module = modules.get(at)?;
    for import in &module.imports {
        if import.name == name {
            let path: Vec<String> = import.path.iter().chain(rest).cloned().collect();
            return resolve(modules, at, &path, depth + 1);
        }
    }
    module
        .imports
        .iter()
        .filter(|import| import.name == "*")
        .filter_map(|glob| resolve(modules, at, &glob.path, depth + 1))
        .find(|path| {
            let target = &modules[path];
            target.defined.contains(name) || target.imports.iter().any(|import| import.name == name)
        })
}

/// Collects the paths that are written outside of `use`, those in macros' arguments among them.
struct Paths {
    /// How many modules within the file are open.
    depth: usize,
    found: Vec<(usize, Vec<String>)>,
}

impl Paths {
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.keep(&mut path);
                    }
                    path.push(name.to_string());
                    colons = 0;
                }
                other => {
                    self.keep(&mut path);
                    colons = 0;
                    if let TokenTree::Group(group) = other {
                        self.tokens(group.stream());
                    }
                }
            }
        }
        self.keep(&mut path);
    }

    fn keep(&mut self, path: &mut Vec<String>) {
        let path = std::mem::take(path);
        if path.len() > 1 {
            self.found.push((self.depth, path));
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        if !for_tests(&module.attrs) {
            self.depth += 1;
            syn::visit::visit_item_mod(self, module);
            self.depth -= 1;
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        if !for_tests(&function.attrs) {
            syn::visit::visit_item_fn(self, function);
        }
    }

    fn visit_item_impl(&mut self, block: &'ast syn::ItemImpl) {
        if !for_tests(&block.attrs) {
            syn::visit::visit_item_impl(self, block);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !for_tests(&function.attrs) {
            syn::visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let mut segments: Vec<String> = path
            .segments
            .iter()
            .map(|segment| segment.ident.to_string())
            .collect();
        self.keep(&mut segments);
        syn::visit::visit_path(self, path);
    }

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {
        // `pub(super)` imports nothing.
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.tokens(call.tokens.clone());
        syn::visit::visit_macro(self, call);
    }
}

/// The circles of a graph: groups of files each of which leads to each other one of its group.
pub fn circles(graph: &Graph) -> Vec<Vec<PathBuf>> {
    let mut left: BTreeSet<&PathBuf> = graph.keys().collect();
    let mut circles = Vec::new();
    while let Some(file) = left.pop_first() {
        let reached = reached_from(graph, file);
        let mut circle = vec![file.clone()];
        for other in &reached {
            if *other != file && reached_from(graph, other).contains(file) {
                left.remove(other);
                circle.push((*other).clone());
            }
        }
        if circle.len() > 1 {
            circle.sort();
            circles.push(circle);
        }
    }
    circles
}

fn reached_from<'a>(graph: &'a Graph, file: &'a PathBuf) -> BTreeSet<&'a PathBuf> {
    let mut reached = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        for to in graph.get(file).into_iter().flat_map(BTreeMap::keys) {
            if reached.insert(to) {
                next.push(to);
            }
        }
    }
    reached
}
