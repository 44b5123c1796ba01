//! `identivia eval`: what is measured on an operator's own pictures, and what is said when they are not in order.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::command::{run, text};
use crate::world::picture;

fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// What it says on standard output; it must end well.
fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, |command| {
        command.arg("eval").args(arguments);
    });
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The one line that it ends with when something is not in order.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, |command| {
        command.arg("eval").args(arguments);
    });
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn pairs_of_faces_are_counted_at_thresholds() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let stranger = concat!(env!("CARGO_MANIFEST_DIR"), "/../vision/tests/pictures/grace_hopper.jpg");
    write(folder, "people/a1.jpg", picture("portrait.jpg"));
    write(folder, "people/a2.jpg", picture("session/look_straight_1.jpg"));
    write(folder, "people/b.jpg", fs::read(stranger).unwrap());
    write(folder, "people/nobody.jpg", picture("id-back.jpg"));
    write(
        folder,
        "people/pairs.csv",
        "first,second,same\na1.jpg,a2.jpg,1\na1.jpg,b.jpg,0\na2.jpg,b.jpg,0\na1.jpg,nobody.jpg,1\n",
    );
    let said = said(folder, &["face", "--pairs", "people/pairs.csv"]);
    assert!(said.contains("1 genuine pairs, 2 impostor pairs"), "{said}");
    assert!(said.contains("1 pairs left out"), "{said}");
    let used = said.lines().find(|line| line.starts_with("0.55*")).unwrap();
    assert!(used.contains("0.00 % [0.00, 65.76] (0 of 2)") && used.contains("(0 of 1)"), "{used}");
    assert!(said.contains("TAR at FAR 0.1 %: cannot be said with 2 impostor pairs"), "{said}");

    write(folder, "pairs.csv", "left,right\n");
    assert!(refused(folder, &["face", "--pairs", "pairs.csv"]).contains("first,second,same"));
    write(folder, "pairs.csv", "first,second,same\na,b,yes\n");
    assert!(refused(folder, &["face", "--pairs", "pairs.csv"]).contains("line 2: same must be 1 or 0"));
    assert!(refused(folder, &["face", "--pairs", "missing.csv"]).contains("missing.csv"));
}

#[test]
fn zones_are_held_against_what_stands_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, "set/right.jpg", picture("passport.jpg"));
    let zone = "P<UTOSPECIMEN<<JANE<MARIE<<<<<<<<<<<<<<<<<<<\nA123456784UTO9001158F34053189001154821<<<<98\n";
    write(folder, "set/right.txt", zone);
    write(folder, "set/other.jpg", picture("passport.jpg"));
    write(folder, "set/other.txt", zone.replace("JANE", "JOAN"));
    write(folder, "set/none.jpg", picture("portrait.jpg"));
    write(folder, "set/none.txt", "");
    write(folder, "set/broken.jpg", b"no picture");
    let said = said(folder, &["mrz", "--dir", "set"]);
    for line in [
        "broken.jpg: is no picture that can be read",
        "other.jpg: every check digit holds, and a line differs from the text file",
        "(1 of 3)",
        "read where there is none:        0.00 % [0.00, 79.35] (0 of 1)",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    fs::create_dir(folder.join("empty")).unwrap();
    assert!(refused(folder, &["mrz", "--dir", "empty"]).contains("there is no picture in empty"));
}

#[test]
fn sessions_are_judged_by_species() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let steps = ["turn_right", "look_straight", "move_closer", "turn_left"];
    let session = |name: &str, shown: fn(&str) -> &str| {
        let mut frames = Vec::new();
        for step in steps {
            for number in 1..=3 {
                let file = format!("{}_{number}.jpg", shown(step));
                write(folder, &format!("{name}/{file}"), picture(&format!("session/{file}")));
                frames.push(json!({"file": file, "step": step, "time": frames.len() * 700}));
            }
        }
        write(folder, &format!("{name}/session.json"), json!({"steps": steps, "frames": frames}).to_string());
    };
    session("set/bona_fide/one", |step| step);
    session("set/attacks/photo/one", |_| "look_straight");
    let said = said(folder, &["liveness", "--dir", "set"]);
    assert!(said.contains("BPCER, people turned away:   0.00 % [0.00, 79.35] (0 of 1)"), "{said}");
    assert!(said.contains("APCER, photo taken for a person:   0.00 % [0.00, 79.35] (0 of 1)"), "{said}");
    write(folder, "set/bona_fide/one/session.json", "{}");
    assert!(refused(folder, &["liveness", "--dir", "set"]).contains("session.json"));
}
