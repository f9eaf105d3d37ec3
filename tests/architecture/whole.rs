//! The rules, applied to this repository.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::process::Command;

use super::imports::{Surroundings, adapter_names, judge};
use super::repository::{self, Files};
use super::rules::SHARED_BY_ADAPTERS;

type Outcome = Result<(), Box<dyn Error>>;

fn files() -> Result<Files, Box<dyn Error>> {
    Ok(repository::files(Path::new(env!("CARGO_MANIFEST_DIR")))?)
}

fn text(files: &Files, name: &str) -> Result<String, Box<dyn Error>> {
    Ok(files.get(name).cloned().flatten().ok_or_else(|| format!("{name} is missing"))?)
}

fn nothing(broken: &[String]) -> Outcome {
    if broken.is_empty() { Ok(()) } else { Err(format!("\n  {}\n", broken.join("\n  ")).into()) }
}

/// Names of `[dependencies]`, as code writes them.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines() {
        if let Some(section) = line.strip_prefix('[') {
            inside = section.trim_end().ends_with("dependencies]");
            let single = section.split_once("dependencies.").map(|(_, name)| name.trim_end_matches(']'));
            names.extend(single.map(|name| name.replace('-', "_")));
        } else if let Some((name, _)) = line.split_once('=').filter(|_| inside && !line.starts_with('#')) {
            names.insert(
                name.trim().trim_matches('"').split('.').next().unwrap_or_default().replace('-', "_"),
            );
        }
    }
    names
}

fn surroundings(files: &Files) -> Result<Surroundings, Box<dyn Error>> {
    let below = files.keys().filter_map(|name| name.strip_prefix("src/adapter/"));
    let modules =
        below.map(|name| name.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned());
    let shared = files.get("src/adapter/mod.rs").cloned().flatten().unwrap_or_default();
    let adapters = adapter_names(
        &shared,
        &modules.filter(|name| name != "mod" && !SHARED_BY_ADAPTERS.contains(&name.as_str())).collect(),
    );
    Ok(Surroundings { dependencies: dependencies(&text(files, "Cargo.toml")?), adapters })
}

#[test]
fn modules_import_lower_layers_only() -> Outcome {
    let files = files()?;
    let around = surroundings(&files)?;
    assert!(around.dependencies.contains("aws_lc_rs"), "the manifest is not read: {around:?}");
    let sources = files.iter().filter(|(name, _)| {
        name.starts_with("src/") && Path::new(name).extension().is_some_and(|e| e == "rs")
    });
    let texts = sources.filter_map(|(name, text)| Some((name, text.as_deref()?)));
    nothing(&texts.flat_map(|(name, text)| judge(name, text, &around)).collect::<Vec<_>>())
}

#[test]
fn files_are_short() -> Outcome {
    nothing(&repository::judge_sizes(&files()?))
}

#[test]
fn names_say_something() -> Outcome {
    nothing(&repository::judge_names(&files()?))
}

#[test]
fn only_known_entries_lie_at_the_top() -> Outcome {
    nothing(&repository::judge_top_level(&files()?))
}

#[test]
fn each_specification_has_its_tests() -> Outcome {
    nothing(&repository::judge_twins(&files()?))
}

#[test]
fn no_private_key_lies_here() -> Outcome {
    nothing(&repository::judge_keys(&files()?))
}

#[test]
fn packages_come_from_the_registry_without_openssl_and_ring() -> Outcome {
    let lock = text(&files()?, "Cargo.lock")?;
    assert!(lock.contains("name = \"aws-lc-rs\""), "the lock file is not read");
    nothing(&repository::judge_lock(&lock))?;
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--edges", "normal,build,dev", "--prefix", "none"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let built = String::from_utf8(tree.stdout)?;
    assert!(built.contains("aws-lc-rs v"), "cargo tree: {}", String::from_utf8_lossy(&tree.stderr));
    nothing(&repository::judge_build(&built))
}

#[test]
fn the_table_of_specifications_names_real_files() -> Outcome {
    let files = files()?;
    nothing(&repository::judge_specifications(&text(&files, "docs/specs.md")?, &files))
}
