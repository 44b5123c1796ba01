//! The module layout of `docs/architecture.md`: imports point downwards, and no two files import each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The levels, from the top. A file imports from its own level or a lower one.
const LEVELS: [&[&str]; 11] = [
    &["main", "cli"],
    &["server", "server_metrics"],
    &["http"],
    &["app"],
    &["jobs", "storage"],
    &["providers", "files", "aws_access", "client_directory"],
    &["store"],
    &["first_run", "system_key", "secret_file", "new_file", "config"],
    &["domain"],
    &["work"],
    &["records", "availability", "clock", "telemetry"],
];

fn source_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file by its module path, without the tests in it.
fn modules() -> BTreeMap<String, String> {
    let root = source_folder();
    let mut folders = vec![root.clone()];
    let mut modules = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                let module = path.strip_prefix(&root).unwrap().with_extension("");
                let mut names: Vec<_> = module.iter().map(|name| name.to_str().unwrap()).collect();
                if names.last() == Some(&"mod") {
                    names.pop();
                }
                let text = fs::read_to_string(&path).unwrap();
                let code = text.split("\n#[cfg(test)]").next().unwrap().to_owned();
                modules.insert(names.join("::"), code);
            }
        }
    }
    modules.remove("lib");
    modules
}

/// The paths that a file names, from the crate's root: `crate::…` and `super::…`.
fn named_paths(module: &str, code: &str) -> Vec<String> {
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut paths = Vec::new();
    for (marker, ups) in [("crate::", 0), ("super::super::", 2), ("super::", 1)] {
        for (at, _) in code.match_indices(marker) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|letter| letter.is_alphanumeric() || "_:$".contains(letter)) {
                continue;
            }
            let parents: Vec<&str> = module.split("::").collect();
            let base = if ups == 0 { Vec::new() } else { parents[..parents.len().saturating_sub(ups)].to_vec() };
            let rest = &code[at + marker.len()..];
            let path: String =
                rest.chars().take_while(|letter| letter.is_alphanumeric() || "_:".contains(*letter)).collect();
            let base = base.join("::");
            let join = |name: &str| if base.is_empty() { name.to_owned() } else { format!("{base}::{name}") };
            paths.push(join(path.trim_end_matches(':')));
            if let Some(group) = rest[path.len()..].strip_prefix('{').and_then(|group| group.split('}').next()) {
                let names = group.split(',').map(|name| name.trim().split(' ').next().unwrap_or_default());
                paths.extend(names.map(|name| join(&format!("{path}{name}"))));
            }
        }
    }
    paths
}

/// The files that each file imports.
fn imports() -> BTreeMap<String, BTreeSet<String>> {
    let modules = modules();
    let file_of = |path: &str| {
        let mut path = path;
        loop {
            if modules.contains_key(path) {
                return Some(path.to_owned());
            }
            path = path.rsplit_once("::")?.0;
        }
    };
    let imported = |(module, code): (&String, &String)| {
        let paths = named_paths(module, code);
        let files = paths.iter().filter_map(|path| file_of(path)).filter(|file| file != module);
        (module.clone(), files.collect())
    };
    modules.iter().map(imported).collect()
}

fn level(module: &str) -> usize {
    let top = module.split("::").next().unwrap();
    LEVELS.iter().position(|level| level.contains(&top)).unwrap_or_else(|| panic!("{top} has no level"))
}

#[test]
fn imports_point_downwards() {
    let mut upward = Vec::new();
    for (module, imported) in imports() {
        upward.extend(
            imported.iter().filter(|other| level(other) < level(&module)).map(|other| format!("{module} -> {other}")),
        );
    }
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

/// Files of `domain` may refer to each other: rules have no order. A folder's `mod.rs` and its files are one unit.
#[test]
fn no_two_files_import_each_other() {
    let imports = imports();
    let is_counted = |module: &str, other: &str| {
        let is_own_folder = other.starts_with(&format!("{module}::")) || module.starts_with(&format!("{other}::"));
        !(is_own_folder || (module.starts_with("domain") && other.starts_with("domain")))
    };
    // A file that can be reached from itself is in a cycle.
    let mut cycles = Vec::new();
    for start in imports.keys() {
        let mut reached = BTreeSet::new();
        let mut open = vec![start.clone()];
        while let Some(module) = open.pop() {
            for other in imports.get(&module).into_iter().flatten().filter(|other| is_counted(&module, other)) {
                if reached.insert(other.clone()) {
                    open.push(other.clone());
                }
            }
        }
        if reached.contains(start) {
            cycles.push(start.clone());
        }
    }
    assert!(cycles.is_empty(), "in a cycle: {}", cycles.join(", "));
}

#[test]
fn a_path_is_found_in_every_form_of_import() {
    let code = "use crate::store::{Store, sql::rows};\nlet x = super::form::read();\n// crate::http::comment\n";
    let found = named_paths("http::api::profiles", code);
    assert_eq!(found, ["store", "store::Store", "store::sql::rows", "http::api::form::read"]);
}

/// The methods of a trait, by the file that defines it.
fn methods_of_trait(file: &str, name: &str) -> Vec<String> {
    let text = fs::read_to_string(source_folder().join(file)).unwrap();
    let body = text.split_once(&format!("pub trait {name}")).unwrap().1.split("\n}\n").next().unwrap();
    let methods = body.lines().filter_map(|line| line.trim_start().trim_start_matches("async ").strip_prefix("fn "));
    methods.map(|rest| rest.split(['(', '<']).next().unwrap().to_owned()).collect()
}

/// A layer that does not forward a method with a default would hide what the store below it says.
#[test]
fn layers_over_stores_and_files_forward_every_method() {
    let layers = [
        ("store/mod.rs", "Store", "store/watched_store.rs"),
        ("store/mod.rs", "Store", "store/keyed_store.rs"),
        ("files/backend.rs", "FileBackend", "files/watched_backend.rs"),
    ];
    for (file, name, layer) in layers {
        let methods = methods_of_trait(file, name);
        assert!(methods.len() >= 8, "{methods:?}");
        let text = fs::read_to_string(source_folder().join(layer)).unwrap();
        for method in methods {
            assert!(text.contains(&format!("fn {method}(")), "{layer} does not forward {name}::{method}");
        }
    }
}

/// The names of all folders of the sources. Those of `http/api/` are the API's resources.
fn folder_names() -> BTreeSet<String> {
    let mut folders = vec![source_folder()];
    let mut names = BTreeSet::new();
    while let Some(folder) = folders.pop() {
        let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        for path in paths.filter(|path| path.is_dir() && !path.ends_with("snapshots") && !path.ends_with("tests")) {
            names.insert(path.file_name().unwrap().to_str().unwrap().to_owned());
            if !path.ends_with("http/api") {
                folders.push(path);
            }
        }
    }
    names
}

/// The names of the folders that the document of the architecture lists: `http/guard/` lists `http` and `guard`.
fn documented_folder_names() -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/architecture.md");
    let text = fs::read_to_string(path).unwrap();
    let block = text.split_once("crates/identivia/src/\n").unwrap().1.split_once("crates/vision").unwrap().0;
    let paths =
        block.split_whitespace().filter_map(|word| word.trim_matches([',', ';', ':', '(', ')']).strip_suffix('/'));
    paths.flat_map(|path| path.split('/')).filter(|name| *name != ".").map(str::to_owned).collect()
}

#[test]
fn architecture_document_lists_every_folder() {
    let (documented, folders) = (documented_folder_names(), folder_names());
    let missing: Vec<&String> = folders.difference(&documented).collect();
    assert!(missing.is_empty(), "docs/architecture.md does not list {missing:?}");
    let stale: Vec<&String> = documented.difference(&folders).collect();
    assert!(stale.is_empty(), "docs/architecture.md lists folders that do not exist: {stale:?}");
}
