//! Judges what lies in the repository: sizes, names, twins, keys, locked packages, the table of specifications.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::{fs, io};

use super::rules::{
    EMPTY_WORDS, LOCKED_NOT_BUILT, LONGER, LONGEST_FILE, REFUSED_PACKAGES, REGISTRY, SPECIFICATIONS,
    TOP_LEVEL,
};

/// Files by their path from the top, as text; a binary file has none.
pub(crate) type Files = BTreeMap<String, Option<String>>;

/// What git knows or would take; without git (a source archive) everything that is not built or installed.
pub(crate) fn files(top: &Path) -> io::Result<Files> {
    let listing = Command::new("git")
        .args(["-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(top)
        .output();
    let names = match listing {
        Ok(output) if output.status.success() => {
            String::from_utf8_lossy(&output.stdout).split_terminator('\0').map(str::to_owned).collect()
        }
        _ => walk(top, "")?,
    };
    let mut files = Files::new();
    for name in names {
        if top.join(&name).is_file() {
            let text = String::from_utf8(fs::read(top.join(&name))?).ok();
            files.insert(name, text);
        }
    }
    Ok(files)
}

fn walk(top: &Path, below: &str) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(top.join(below))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if below.is_empty() { name.clone() } else { format!("{below}/{name}") };
        if !entry.file_type()?.is_dir() {
            found.push(path);
        } else if !matches!(name.as_str(), ".git" | "node_modules" | "out" | "target") {
            found.extend(walk(top, &path)?);
        }
    }
    Ok(found)
}

pub(crate) fn judge_sizes(files: &Files) -> Vec<String> {
    let texts = files.iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
    let long = texts.filter(|(name, text)| {
        let excused = LONGER.iter().any(|(file, reason)| file == name && !reason.is_empty());
        name.starts_with("src/") && text.lines().count() > LONGEST_FILE && !excused
    });
    long.map(|(name, text)| format!("{name}: {} lines", text.lines().count())).collect()
}

pub(crate) fn judge_names(files: &Files) -> Vec<String> {
    let ours = files.keys().filter(|name| name.starts_with("src/") || name.starts_with("tests/"));
    let empty = ours.filter(|name| {
        let mut words = name.split(['/', '_', '-', '.']).map(str::to_lowercase);
        words.any(|word| EMPTY_WORDS.contains(&word.as_str()))
    });
    empty.map(|name| format!("{name}: the name says nothing")).collect()
}

pub(crate) fn judge_top_level(files: &Files) -> Vec<String> {
    let strange = files.keys().filter(|name| {
        let first = name.split('/').next().unwrap_or_default();
        !first.starts_with('.') && !TOP_LEVEL.contains(&first)
    });
    strange.map(|name| format!("{name}: not among the entries of the top level")).collect()
}

/// A file that implements a specification has tests of the same name, in the one integration binary.
pub(crate) fn judge_twins(files: &Files) -> Vec<String> {
    let listed = files.get("tests/spec/mod.rs").cloned().flatten().unwrap_or_default();
    let mut broken = Vec::new();
    for name in files.keys().filter(|name| specifies(name)) {
        let file = name.rsplit('/').next().unwrap_or_default();
        let stem = file.trim_end_matches(".rs");
        match files.get(&format!("tests/spec/{file}")).cloned().flatten() {
            None => broken.push(format!("{name}: no tests/spec/{file}")),
            Some(text) if !text.contains("#[test]") && !text.contains("#[tokio::test") => {
                broken.push(format!("tests/spec/{file}: no test"));
            }
            Some(_) if !listed.lines().any(|line| line.trim() == format!("mod {stem};")) => {
                broken.push(format!("tests/spec/mod.rs: `mod {stem};` is missing"));
            }
            Some(_) => {}
        }
    }
    broken
}

fn specifies(name: &str) -> bool {
    let Some(stem) = name.rsplit('/').next().and_then(|file| file.strip_suffix(".rs")) else { return false };
    let covered = |(folder, prefix): &(&str, &str)| name.starts_with(folder) && stem.starts_with(prefix);
    stem != "mod" && SPECIFICATIONS.iter().any(covered)
}

/// No private key anywhere, and nothing in `keys/` that looks like one.
pub(crate) fn judge_keys(files: &Files) -> Vec<String> {
    let mut broken = Vec::new();
    for (name, text) in files {
        let stores = ["jks", "key", "keystore", "p12", "pfx", "pk8"];
        if name.rsplit_once('.').is_some_and(|(_, ending)| stores.contains(&ending)) {
            broken.push(format!("{name}: a file for private keys"));
        }
        let Some(text) = text else { continue };
        if holds_pem(text) || holds_jwk(text) {
            broken.push(format!("{name}: a private key"));
        } else if name.starts_with("keys/") && (text.contains(PEM) || text.contains(JWK)) {
            broken.push(format!("{name}: looks like a private key"));
        }
    }
    broken
}

// In pieces, so that this file is not one of them.
const PEM: &str = concat!("PRIVATE ", "KEY");
const JWK: &str = concat!("\"d\"", ":");
/// Characters of key material that a marker needs behind it: a P-256 scalar has 43.
const SHORTEST_KEY: usize = 40;

fn holds_pem(text: &str) -> bool {
    let marker = concat!("PRIVATE ", "KEY-----");
    text.split(marker).skip(1).any(|after| {
        let body =
            after.trim_start_matches(|c: char| c.is_whitespace() || matches!(c, '\\' | 'n' | 'r' | '"'));
        body.chars().take_while(|&c| c.is_ascii_alphanumeric() || "+/=".contains(c)).count() >= SHORTEST_KEY
    })
}

fn holds_jwk(text: &str) -> bool {
    let plain: String = text.chars().filter(|c| *c != '\\' && !c.is_whitespace()).collect();
    plain.split(concat!("\"d\"", ":\"")).skip(1).any(|after| {
        after.chars().take_while(|&c| c.is_ascii_alphanumeric() || c == '-' || c == '_').count()
            >= SHORTEST_KEY
    })
}

/// Cryptography from aws-lc alone, packages from the public registry alone.
pub(crate) fn judge_lock(lock: &str) -> Vec<String> {
    let mut broken = Vec::new();
    for package in lock.split("[[package]]").skip(1) {
        let value = |key: &str| {
            let prefix = format!("{key} = ");
            package.lines().find_map(|line| line.strip_prefix(&prefix)).map(|v| v.trim_matches('"'))
        };
        let name = value("name").unwrap_or_default();
        if REFUSED_PACKAGES.contains(&name) && !LOCKED_NOT_BUILT.contains(&name) {
            broken.push(format!("Cargo.lock: {name}"));
        }
        match value("source") {
            Some(REGISTRY) => {}
            None if name == "sceau" => {}
            source => broken.push(format!("Cargo.lock: {name} comes from {source:?}")),
        }
    }
    broken
}

/// What `cargo tree` prints without prefix: `name v1.2.3` on each line.
pub(crate) fn judge_build(tree: &str) -> Vec<String> {
    let names = tree.lines().filter_map(|line| line.split(' ').next());
    let refused = names.filter(|name| REFUSED_PACKAGES.contains(name));
    refused.map(|name| format!("the build contains {name}")).collect()
}

/// Every row of the table names files that exist; `file::function` names a function in it.
pub(crate) fn judge_specifications(table: &str, files: &Files) -> Vec<String> {
    let mut broken = Vec::new();
    let lines: Vec<_> = table.lines().chain([""]).collect();
    let separates = |line: &str| line.starts_with('|') && line.chars().all(|c| "|-: ".contains(c));
    let pairs = lines.windows(2).filter_map(|pair| pair.first().zip(pair.last()));
    let rows = pairs.filter(|(row, next)| row.starts_with('|') && !separates(row) && !separates(next));
    for (row, _) in rows {
        let cells: Vec<_> = row.trim().trim_matches('|').split('|').map(str::trim).collect();
        let &[specification, file, test] = cells.as_slice() else {
            broken.push(format!("docs/specs.md: {} cells instead of 3: {row}", cells.len()));
            continue;
        };
        for cell in [file, test] {
            let named: Vec<_> = cell.split('`').skip(1).step_by(2).collect();
            if named.is_empty() {
                broken.push(format!("docs/specs.md: {specification}: no `file` in {cell:?}"));
            }
            let lost = named.into_iter().filter(|place| !exists(place, files));
            broken.extend(lost.map(|place| format!("docs/specs.md: {specification}: no {place}")));
        }
    }
    broken
}

fn exists(place: &str, files: &Files) -> bool {
    let (file, function) = place.split_once("::").unwrap_or((place, ""));
    let folder = format!("{}/", file.trim_end_matches('/'));
    match files.get(file) {
        Some(text) if !function.is_empty() => {
            text.as_ref().is_some_and(|text| text.contains(&format!("fn {function}(")))
        }
        Some(_) => true,
        None => function.is_empty() && files.keys().any(|name| name.starts_with(&folder)),
    }
}
