//! Judges what one file of `src` names against the table of layers.

use std::collections::{BTreeMap, BTreeSet};

use super::paths::{self, Path, Place, Source};
use super::rules::{Crates, IMPURE_STD, LAST_PURE_LINE, MACROS, MODULES, Module, PARTS};

/// What has to be known of the rest of the crate to judge one file.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// Crates of the manifest, as they are written in code.
    pub(crate) dependencies: BTreeSet<String>,
    /// Every name below `crate::adapter` that belongs to one adapter, with that adapter:
    /// its module, and what `adapter/mod.rs` re-exports from it.
    pub(crate) adapters: BTreeMap<String, String>,
}

/// One line per broken rule: `file:line: what`.
pub(crate) fn judge(file: &str, text: &str, around: &Surroundings) -> Vec<String> {
    let source = paths::read(text);
    let here = module_path(file);
    let Some(own) = here.first() else { return judge_root(file, &source) };
    let Some(module) = MODULES.iter().find(|m| m.name == own) else {
        return vec![format!("{file}:1: module `{own}` has no layer in the table")];
    };
    let mut broken = judge_constructs(file, module, &source);
    for path in &source.paths {
        let verdict = match resolve(path, &here, &source, around) {
            Target::Own(target) => judge_own(&target, path, module, &here, around),
            Target::External(segments) => judge_external(segments, path, module),
            Target::Local => None,
        };
        broken.extend(verdict.map(|what| format!("{file}:{}: {what}", path.line)));
    }
    broken
}

/// The adapters, and the names that `adapter/mod.rs` re-exports from them, by the adapter they come from.
pub(crate) fn adapter_names(text: &str, adapters: &BTreeSet<String>) -> BTreeMap<String, String> {
    let mut names: BTreeMap<_, _> = adapters.iter().map(|name| (name.clone(), name.clone())).collect();
    for path in paths::read(text).paths.iter().filter(|p| p.place == Place::Export) {
        let mut relative = path.segments.iter().filter(|s| *s != "self");
        let Some(first) = relative.next().filter(|first| adapters.contains(*first)) else { continue };
        let last = path.renamed.as_ref().or(path.segments.last());
        names.extend(last.map(|last| (last.clone(), first.clone())));
    }
    names
}

fn module_path(file: &str) -> Vec<String> {
    let inner = file.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/mod");
    if inner == "lib" { Vec::new() } else { inner.split('/').map(str::to_owned).collect() }
}

/// `lib.rs` declares modules and offers no second name for anything.
fn judge_root(file: &str, source: &Source) -> Vec<String> {
    let imports = source.paths.iter().filter(|p| p.place != Place::Code);
    let mut broken: Vec<_> = imports.map(|p| format!("{file}:{}: lib.rs imports nothing", p.line)).collect();
    broken.extend(source.refused.iter().map(|(line, what)| format!("{file}:{line}: {what} is refused")));
    broken
}

fn judge_constructs(file: &str, module: &Module, source: &Source) -> Vec<String> {
    let mut broken: Vec<_> =
        source.refused.iter().map(|(line, what)| format!("{file}:{line}: {what} is refused")).collect();
    if module.line <= LAST_PURE_LINE {
        let lines = source.asynchronous.iter();
        broken.extend(lines.map(|line| format!("{file}:{line}: `{}` is synchronous", module.name)));
    }
    if !MACROS.contains(&file) {
        broken.extend(source.macros.iter().map(|line| format!("{file}:{line}: no macro of ours here")));
    }
    broken
}

/// Where a path leads.
enum Target<'a> {
    /// An absolute path of this crate, without `crate`.
    Own(Vec<String>),
    External(&'a [String]),
    /// Something bound in the file, or a type.
    Local,
}

fn resolve<'a>(path: &'a Path, here: &[String], source: &Source, around: &Surroundings) -> Target<'a> {
    let Some((first, rest)) = path.segments.split_first() else { return Target::Local };
    let known = around.dependencies.contains(first) || matches!(first.as_str(), "std" | "core" | "alloc");
    let shadowed = source.bound.contains(&(path.scope.clone(), first.clone())) && !path.external;
    let at: Vec<String> = here.iter().chain(&path.scope).cloned().collect();
    match first.as_str() {
        "crate" | "sceau" => Target::Own(rest.to_vec()),
        "self" | "super" => Target::Own(climb(&path.segments, at)),
        _ if path.external || (known && !shadowed) => Target::External(&path.segments),
        _ if shadowed => Target::Own([at, path.segments.clone()].concat()),
        _ => Target::Local,
    }
}

fn climb(segments: &[String], mut at: Vec<String>) -> Vec<String> {
    for segment in segments {
        match segment.as_str() {
            "self" => {}
            "super" => drop(at.pop()),
            name => at.push(name.to_owned()),
        }
    }
    at
}

fn judge_own(
    target: &[String],
    path: &Path,
    module: &Module,
    here: &[String],
    around: &Surroundings,
) -> Option<String> {
    let Some(name) = target.first() else { return Some("names the root of the crate".to_owned()) };
    if name == module.name {
        return judge_sibling(target, path, here, around);
    }
    let Some(other) = MODULES.iter().find(|m| m.name == name) else {
        return Some(format!("`crate::{name}` has no layer in the table"));
    };
    if path.glob && path.place == Place::Export {
        return Some(format!("glob re-export of `{name}` from `{}`", module.name));
    }
    (!may_import(module, other)).then(|| format!("`{}` may not import `{name}`", module.name))
}

fn may_import(module: &Module, other: &Module) -> bool {
    let lower = other.line < module.line || module.beside.contains(&other.name);
    let only = module.only.is_none_or(|only| only.contains(&other.name));
    lower && only && !module.except.contains(&other.name)
}

/// Adapters do not know each other; what they share is in `adapter/mod.rs`.
fn judge_sibling(target: &[String], path: &Path, here: &[String], around: &Surroundings) -> Option<String> {
    let (top, own) = (here.first()?, here.get(1)?);
    if top != "adapter" {
        return None;
    }
    if target.len() == 1 && (path.glob || path.place != Place::Code) {
        return Some("names all adapters at once".to_owned());
    }
    let other = around.adapters.get(target.get(1)?)?;
    (other != own).then(|| format!("adapter `{own}` may not import adapter `{other}`"))
}

fn judge_external(segments: &[String], path: &Path, module: &Module) -> Option<String> {
    let (name, rest) = segments.split_first()?;
    if matches!(name.as_str(), "std" | "core" | "alloc") {
        return judge_std(rest, path, module);
    }
    if let Crates::Listed(lists) = &module.crates
        && !lists.iter().any(|list| list.contains(&name.as_str()))
    {
        return Some(format!("`{}` may not use the crate `{name}`", module.name));
    }
    if path.glob && path.place == Place::Export {
        return Some(format!("glob re-export of the crate `{name}`"));
    }
    let (_, _, parts) = PARTS.iter().find(|(m, c, _)| *m == module.name && c == name)?;
    let named = rest.first().is_some_and(|part| parts.contains(&part.as_str()));
    (!named).then(|| format!("`{}` may use only {parts:?} of `{name}`", module.name))
}

fn judge_std(rest: &[String], path: &Path, module: &Module) -> Option<String> {
    if module.line > LAST_PURE_LINE {
        return None;
    }
    let opened = rest.is_empty() && path.place != Place::Code;
    let reaches = |part: &&&[&str]| {
        let agree = part.iter().zip(rest).all(|(a, b)| a == b);
        // `use std::net` opens all of it.
        let whole = rest.len() >= part.len() || path.place != Place::Code;
        !rest.is_empty() && agree && whole
    };
    match IMPURE_STD.iter().find(reaches) {
        Some(part) => Some(format!("`{}` is pure: no std::{}", module.name, part.join("::"))),
        None => opened.then(|| format!("`{}` is pure: names all of std", module.name)),
    }
}
