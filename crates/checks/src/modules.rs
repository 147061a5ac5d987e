//! A package's modules: which file each is in, what it defines, and which names it hands on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use syn::{Attribute, Item, Meta, UseTree};

/// A module's path from the root of its package, `["coordinator", "turn"]`; the root's is empty.
pub type ModulePath = Vec<String>;

/// A name that a module takes from elsewhere, and where from.
#[derive(Clone, Debug)]
pub struct Import {
    /// The path as it is written, `["super", "turn", "Reply"]`. A glob ends with `*`.
    pub path: Vec<String>,
    /// The name it has here.
    pub name: String,
}

/// One module.
#[derive(Debug, Default)]
pub struct Module {
    /// The file that it is written in.
    pub file: PathBuf,
    /// The names of its submodules.
    pub children: BTreeSet<String>,
    /// What it defines itself.
    pub defined: BTreeSet<String>,
    /// What it takes from elsewhere.
    pub imports: Vec<Import>,
}

/// All modules of a package. What is compiled for tests alone is left out.
pub type Modules = BTreeMap<ModulePath, Module>;

/// Reads the modules that begin in `root_file`.
///
/// # Errors
///
/// A file that cannot be read or is not Rust, with its name.
pub fn read(root_file: &Path) -> Result<Modules, String> {
    let mut modules = Modules::new();
    let mut folder = root_file.to_owned();
    folder.pop();
    read_file(&mut modules, Vec::new(), root_file, &folder)?;
    Ok(modules)
}

/// The syntax tree of a file.
///
/// # Errors
///
/// A file that cannot be read or is not Rust, with its name.
pub fn parse(file: &Path) -> Result<syn::File, String> {
    let text = std::fs::read_to_string(file).map_err(|e| format!("{}: {e}", file.display()))?;
    syn::parse_file(&text).map_err(|e| format!("{}: {e}", file.display()))
}

fn read_file(
    modules: &mut Modules,
    path: ModulePath,
    file: &Path,
    folder: &Path,
) -> Result<(), String> {
    let tree = parse(file)?;
    read_items(modules, path, &tree.items, file, folder)
}

fn read_items(
    modules: &mut Modules,
    path: ModulePath,
    items: &[Item],
    file: &Path,
    folder: &Path,
) -> Result<(), String> {
    let mut module = Module {
        file: file.to_owned(),
        ..Module::default()
    };
    for item in items.iter().filter(|item| !for_tests(attributes(item))) {
        match item {
            Item::Mod(child) => {
                let name = child.ident.to_string();
                let (mut inner, below) = (path.clone(), folder.join(&name));
                inner.push(name.clone());
                match &child.content {
                    Some((_, items)) => {
                        // Of a module that is written out, `#[path]` says the folder.
                        let told = elsewhere(child, file.parent().unwrap_or(folder));
                        let below = told.unwrap_or(below);
                        read_items(modules, inner, items, file, &below)?;
                    }
                    None => read_file(modules, inner, &source_of(child, folder), &below)?,
                }
                module.children.insert(name);
            }
            Item::Use(item) => flatten(&item.tree, &mut Vec::new(), &mut module.imports),
            other => module.defined.extend(name_of(other)),
        }
    }
    modules.insert(path, module);
    Ok(())
}

/// The file of a module that is declared in another: `x.rs`, `x/mod.rs`, or what `#[path]` says.
fn source_of(module: &syn::ItemMod, folder: &Path) -> PathBuf {
    if let Some(file) = elsewhere(module, folder) {
        return file;
    }
    let file = folder.join(format!("{}.rs", module.ident));
    if file.exists() {
        return file;
    }
    folder.join(module.ident.to_string()).join("mod.rs")
}

/// What `#[path]` says of a module, from this folder on.
fn elsewhere(module: &syn::ItemMod, folder: &Path) -> Option<PathBuf> {
    module.attrs.iter().find_map(|attribute| {
        if let Meta::NameValue(pair) = &attribute.meta
            && pair.path.is_ident("path")
            && let syn::Expr::Lit(value) = &pair.value
            && let syn::Lit::Str(text) = &value.lit
        {
            return Some(folder.join(text.value()));
        }
        None
    })
}

/// Writes out `use a::{b, c as d}` as paths, with the name that each has here.
fn flatten(tree: &UseTree, above: &mut Vec<String>, into: &mut Vec<Import>) {
    let mut import = |last: Option<String>, name: String| {
        let path = above.iter().cloned().chain(last).collect();
        into.push(Import { path, name });
    };
    match tree {
        UseTree::Path(path) => {
            above.push(path.ident.to_string());
            flatten(&path.tree, above, into);
            above.pop();
        }
        UseTree::Group(group) => group
            .items
            .iter()
            .for_each(|tree| flatten(tree, above, into)),
        UseTree::Glob(_) => import(Some("*".to_owned()), "*".to_owned()),
        // `use a::{self}` names `a` itself.
        UseTree::Name(name) if name.ident == "self" => {
            import(None, above.last().cloned().unwrap_or_default());
        }
        UseTree::Rename(rename) if rename.ident == "self" => {
            import(None, rename.rename.to_string())
        }
        UseTree::Name(name) => import(Some(name.ident.to_string()), name.ident.to_string()),
        UseTree::Rename(rename) => {
            import(Some(rename.ident.to_string()), rename.rename.to_string());
        }
    }
}

fn name_of(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(name.to_string())
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether something is compiled only for tests: `#[cfg(test)]`.
pub fn for_tests(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && matches!(&attribute.meta, Meta::List(list) if list.tokens.to_string() == "test")
    })
}
