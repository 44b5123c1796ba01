//! `identivia eval`: reports on an operator's own pictures, and errors for unusable input.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::command::{run, text};
use crate::world::picture;

fn write_file(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// The standard output of a successful run.
fn eval_output(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, |command| {
        command.arg("eval").args(arguments);
    });
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// The one line on standard error of a failed run.
fn eval_error(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, |command| {
        command.arg("eval").args(arguments);
    });
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn face_pairs_are_counted_at_thresholds() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let stranger = concat!(env!("CARGO_MANIFEST_DIR"), "/../vision/tests/pictures/grace_hopper.jpg");
    write_file(folder, "people/a1.jpg", picture("portrait.jpg"));
    write_file(folder, "people/a2.jpg", picture("session/look_straight_1.jpg"));
    write_file(folder, "people/b.jpg", fs::read(stranger).unwrap());
    write_file(folder, "people/no-face.jpg", picture("id-back.jpg"));
    write_file(
        folder,
        "people/pairs.csv",
        "first,second,same\na1.jpg,a2.jpg,1\na1.jpg,b.jpg,0\na2.jpg,b.jpg,0\na1.jpg,no-face.jpg,1\n",
    );
    let said = eval_output(folder, &["face", "--pairs", "people/pairs.csv"]);
    assert!(said.contains("1 genuine pairs, 2 impostor pairs"), "{said}");
    assert!(said.contains("1 pairs left out (1 genuine, 0 impostor)"), "{said}");
    assert!(said.contains("1 of 4 pictures without a face"), "{said}");
    let used = said.lines().find(|line| line.starts_with("0.48*")).unwrap();
    assert!(used.contains("0.00 % [0.00, 65.76] (0 of 2)") && used.contains("(0 of 1)"), "{used}");
    assert!(said.contains("TAR at FAR 0.1 %: cannot be said with 2 impostor pairs"), "{said}");

    write_file(folder, "pairs.csv", "left,right\n");
    assert!(eval_error(folder, &["face", "--pairs", "pairs.csv"]).contains("first,second,same"));
    write_file(folder, "pairs.csv", "first,second,same\na,b,yes\n");
    assert!(eval_error(folder, &["face", "--pairs", "pairs.csv"]).contains("line 2: same must be 1 or 0"));
    assert!(eval_error(folder, &["face", "--pairs", "missing.csv"]).contains("missing.csv"));
}

/// The picture of another person beside the meant one is larger, and not in the middle.
#[test]
fn lfw_pairs_are_read_with_the_central_face_of_each_picture() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let stranger = concat!(env!("CARGO_MANIFEST_DIR"), "/../vision/tests/pictures/grace_hopper.jpg");
    let (ada, other) = (picture("portrait.jpg"), fs::read(stranger).unwrap());
    let decode = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().to_rgb8();
    let mut both = image::RgbImage::from_pixel(2_400, 1_000, image::Rgb([128; 3]));
    image::imageops::overlay(
        &mut both,
        &image::imageops::resize(&decode(&ada), 360, 450, image::imageops::FilterType::Triangle),
        1_000,
        300,
    );
    image::imageops::overlay(
        &mut both,
        &image::imageops::resize(&decode(&other), 840, 1_000, image::imageops::FilterType::Triangle),
        0,
        0,
    );
    let mut beside = std::io::Cursor::new(Vec::new());
    both.write_to(&mut beside, image::ImageFormat::Png).unwrap();
    write_file(folder, "lfw/Ada/Ada_0001.jpg", ada);
    write_file(folder, "lfw/Ada/Ada_0002.jpg", beside.into_inner());
    write_file(folder, "lfw/Bo/Bo_0001.jpg", other);
    write_file(folder, "pairs.txt", "1\t1\nAda\t1\t2\nAda\t2\tBo\t1\n");
    let said = eval_output(folder, &["face", "--pairs", "pairs.txt", "--dir", "lfw"]);
    assert!(said.contains("1 genuine pairs, 1 impostor pairs"), "{said}");
    assert!(said.contains("0 of 3 pictures without a face"), "{said}");
    let used = said.lines().find(|line| line.starts_with("0.48*")).unwrap();
    assert!(used.contains("(0 of 1)") && !used.contains("(1 of 1)"), "{used}");

    assert!(eval_error(folder, &["face", "--pairs", "pairs.txt"]).contains("Ada_0001.jpg"));
    write_file(folder, "pairs.txt", "1\t1\nAda\t1\n");
    assert!(eval_error(folder, &["face", "--pairs", "pairs.txt"]).contains("line 2: not a pair"));
}

#[test]
fn zones_are_compared_with_their_text_files() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_file(folder, "set/right.jpg", picture("passport.jpg"));
    let zone = "P<UTOSPECIMEN<<JANE<MARIE<<<<<<<<<<<<<<<<<<<\nA123456784UTO9001158F34053189001154821<<<<98\n";
    write_file(folder, "set/right.txt", zone);
    write_file(folder, "set/other.jpg", picture("passport.jpg"));
    write_file(folder, "set/other.txt", zone.replace("JANE", "JOAN"));
    write_file(folder, "set/none.jpg", picture("portrait.jpg"));
    write_file(folder, "set/none.txt", "");
    write_file(folder, "set/broken.jpg", b"no picture");
    let said = eval_output(folder, &["mrz", "--dir", "set"]);
    for line in [
        "broken.jpg: is no readable picture",
        "other.jpg: every check digit holds, and a line differs from the text file",
        "(1 of 3)",
        "read where there is none:        0.00 % [0.00, 79.35] (0 of 1)",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    fs::create_dir(folder.join("empty")).unwrap();
    assert!(eval_error(folder, &["mrz", "--dir", "empty"]).contains("there is no picture in empty"));
}

#[test]
fn fields_of_documents_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_file(folder, "set/page.jpg", picture("passport.jpg"));
    let description = r#"{"front": "page.jpg", "fields": {"name": "Jane Marie Specimen", "document_number": "A 12345678",
        "date_of_birth": "1990-01-16", "issued": "2024-06-01", "address": "1 High Street"}}"#;
    write_file(folder, "set/page.json", description);
    let said = eval_output(folder, &["document", "--dir", "set"]);
    for line in [
        "page.json: date_of_birth differs from the file",
        "page.json: address was not read",
        "name correct: 100.00 % [20.65, 100.00] (1 of 1)",
        "document_number correct: 100.00 %",
        "date_of_birth wrong:   100.00 %",
        "issued correct: 100.00 %",
        "address missing: 100.00 %",
        "s of CPU a picture",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    write_file(folder, "set/page.json", r#"{"front": "page.jpg", "fields": {"colour": "red"}}"#);
    assert!(eval_error(folder, &["document", "--dir", "set"]).contains("unknown field colour"));
    write_file(folder, "set/page.json", r#"{"front": "none.jpg", "fields": {}}"#);
    assert!(eval_error(folder, &["document", "--dir", "set"]).contains("none.jpg"));
    fs::create_dir(folder.join("empty")).unwrap();
    assert!(
        eval_error(folder, &["document", "--dir", "empty"]).contains("there is no JSON file of a document in empty")
    );
}

#[test]
fn sessions_are_counted_by_attack_species() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let steps = ["turn_right", "look_straight", "move_closer", "turn_left"];
    let session = |name: &str, shown: fn(&str) -> &str| {
        let mut frames = Vec::new();
        for step in steps {
            for number in 1..=3 {
                let file = format!("{}_{number}.jpg", shown(step));
                write_file(folder, &format!("{name}/{file}"), picture(&format!("session/{file}")));
                frames.push(json!({"file": file, "step": step, "time": frames.len() * 700}));
            }
        }
        write_file(folder, &format!("{name}/session.json"), json!({"steps": steps, "frames": frames}).to_string());
    };
    session("set/bona_fide/one", |step| step);
    session("set/attacks/photo/one", |_| "look_straight");
    let said = eval_output(folder, &["liveness", "--dir", "set"]);
    assert!(said.contains("BPCER, people rejected:   0.00 % [0.00, 79.35] (0 of 1)"), "{said}");
    assert!(said.contains("APCER, photo accepted as a person:   0.00 % [0.00, 79.35] (0 of 1)"), "{said}");
    write_file(folder, "set/bona_fide/one/session.json", "{}");
    assert!(eval_error(folder, &["liveness", "--dir", "set"]).contains("session.json"));
}
